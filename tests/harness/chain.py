# SPDX-License-Identifier: Apache-2.0
"""The oracle's services, its backend and its load. Each function takes a Starter first; `extra`
becomes environment (POLL=1: calls that no request causes)."""
import os
import pathlib
import shutil
import sys

from harness.peers import listening, program, short_socket
from harness.processes import WORKLOADS, free_port, listening_ports, wait_until

# Multiplies the number of requests: 1 for every run, more for figures.
SCALE = float(os.environ.get("TACIT_ORACLE_SCALE", "1"))


def backend(starter, uds=False, within=(), **options):
    """`within`: what runs it, as `ip netns exec NAME` does."""
    path = short_socket(starter) if uds else None
    process = listening(starter.start(*within, program("go_chain"), "backend",
                                      *([path] if uds else []), **options))
    process.uds = path
    return process


def environment(next_server, **extra):
    return {"NEXT_URL": next_server.url(), **extra}


def gunicorn(starter, next_server, worker_class="gthread", **extra):
    threads = "16" if worker_class == "gthread" else "1"
    return listening(starter.start(
        sys.executable, "-m", "gunicorn", "-c", WORKLOADS / "gunicorn_settings.py",
        "thread_chain:app", env=environment(next_server, WORKERS="3", WORKER_CLASS=worker_class,
                                            THREADS=threads, **extra)))


def flask(starter, next_server, **extra):
    return listening(starter.python("thread_chain.py", env=environment(next_server, **extra)))


def go(starter, next_server, name="go_chain", **extra):
    return listening(starter.start(program(name), "serve", next_server.url(),
                                   env=environment(next_server, **extra)))


def fastapi(starter, next_server, loop="asyncio", http="h11", **extra):
    return listening(starter.python("async_chain.py", "--loop", loop, "--http", http,
                                    env=environment(next_server, **extra)))


def aiohttp(starter, next_server, loop="asyncio", **extra):
    return listening(starter.python("aiohttp_chain.py",
                                    env=environment(next_server, LOOP=loop, **extra)))


def stdlib(starter, next_server, interpreter, kind):
    return listening(starter.start(interpreter, WORKLOADS / "stdlib_chain.py", kind,
                                   env=environment(next_server)))


def interpreter(version):
    """The path of pythonVERSION, or None; TACIT_TEST_PYTHONS (a PATH) is looked at first. The
    distribution's own is a stripped build."""
    if version == "stripped":
        return shutil.which("python3", path="/usr/bin")
    name = f"python{version}"
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    places = [*filter(None, os.environ.get("TACIT_TEST_PYTHONS", "").split(os.pathsep)),
              *sorted(pyenv.glob(f"versions/{version}.*/bin")), "/usr/local/bin", "/usr/bin"]
    return shutil.which(name, path=os.pathsep.join(map(str, places)))


def node(starter, next_server, client, **extra):
    return listening(starter.start("node", WORKLOADS / "node_chain.js", client,
                                   env=environment(next_server, **extra)))


def java(starter, next_server, client, **extra):
    return listening(starter.start("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp",
                                   program("java_chain"), "JavaChain", client,
                                   env=environment(next_server, **extra)))


NGINX = """
daemon off; master_process on; worker_processes 2; user root; pid {place}/nginx.pid;
error_log {place}/error.log warn;
events {{ worker_connections 512; }}
http {{
  log_format call escape=json '{{"side": "call", "token": "$http_x_token.0", '
    '"serving": "$http_x_token", "pid": $pid}}';
  log_format done escape=json '{{"side": "done", "token": "$http_x_token.0"}}';
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  upstream next {{ server {next}; {keep} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      access_log {log} call; access_log {log} done;
      proxy_pass http://next; proxy_set_header X-Token $http_x_token.0; {kept}
    }}
  }}
}}
"""


def nginx(starter, next_server, keep):
    """A reverse proxy; `keep`: it keeps its connections to the service behind it."""
    number = len(starter.started)
    place = starter.directory / f"nginx{number}"
    place.mkdir()
    port = free_port()
    (place / "nginx.conf").write_text(NGINX.format(
        place=place, port=port, log=starter.directory / f"{number}.requests",
        next=f"127.0.0.1:{next_server.port}", keep="keepalive 32;" if keep else "",
        kept="proxy_http_version 1.1; proxy_set_header Connection '';" if keep else ""))
    process = starter.start("nginx", "-p", place, "-c", place / "nginx.conf",
                            "-e", place / "error.log")
    process.port = port
    wait_until(lambda: port in listening_ports(), "nginx to listen")
    return process


def load(host, service, paths, requests, concurrency, prefix):
    """Sends the requests, waits for the answers, and until the service has logged the end of all
    calls it began."""
    requests = int(requests * SCALE)
    host.run(program("go_chain"), "load", service.url(), requests, concurrency, prefix,
             ",".join(paths), timeout=120)

    def settled():
        lines = service.requests()
        done = {line["token"] for line in lines if line["side"] == "done"}
        return all(line["token"] in done for line in lines
                   if line["side"] == "call" and line["serving"])
    wait_until(settled, "the calls that a service began", 30)
