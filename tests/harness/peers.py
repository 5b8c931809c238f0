# SPDX-License-Identifier: Apache-2.0
"""Starts the servers and clients of the tests. Each function takes a Starter first: an agent
(tacit.Exec) to be observed, or a Host not to be. Servers come back listening: .port or .uds."""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

from harness.processes import WORKLOADS, free_port, listening_ports, wait_until

STATE = pathlib.Path(os.environ.get("TACIT_TEST_PEERS", WORKLOADS.parents[1] / "build/test-peers"))


def why_missing(peer):
    """Why this peer cannot be had here; empty where it can. Made by prepare-peers.sh, or a command."""
    note = STATE / f"{peer}.missing"
    if note.exists():
        return note.read_text().strip() or "could not be built"
    if (STATE / peer).exists() or shutil.which(peer):
        return ""
    return "not installed"


def program(name):
    return STATE / name


def listening(process):
    """Waits for the line "listening PORT PID" that our servers print."""
    def look():
        assert process.owner.wait(process.pid, 0) is None, f"server ended: {process.stderr()}"
        return re.search(r"^listening (\d+) (\d+)$", process.stdout(), re.M)
    process.port = int(wait_until(look, "a server to listen").group(1)) or None
    return process


def short_socket(starter):
    # A unix socket's path has 107 bytes at most; pytest's directories are long.
    path = f"{tempfile.gettempdir()}/tacit-{os.getpid()}-{len(starter.started)}.sock"
    starter.sockets.append(path)
    return path


def threading_server(starter, uds=False, **options):
    path = short_socket(starter) if uds else None
    process = listening(starter.python("threading_server.py", *(["--uds", path] if uds else []),
                                       **options))
    process.uds = path
    return process


def uvicorn(starter, loop="uvloop", http="httptools", uds=False, **options):
    path = short_socket(starter) if uds else None
    process = listening(starter.python("uvicorn_server.py", "--loop", loop, "--http", http,
                                       *(["--uds", path] if uds else []), **options))
    process.uds = path
    return process


def gunicorn(starter, application="flask_app:app", workers=3, worker_class="sync"):
    return listening(starter.start(
        sys.executable, "-m", "gunicorn", "-c", WORKLOADS / "gunicorn_settings.py", application,
        env={"WORKERS": str(workers), "WORKER_CLASS": worker_class,
             "THREADS": "4" if worker_class == "gthread" else "1"}))


def node_server(starter):
    return listening(starter.start("node", WORKLOADS / "node_peer.js", "server"))


def go_server(starter):
    return listening(starter.start(program("go_peer"), "server"))


def raw_server(starter, *connections):
    return listening(starter.python("raw_peer.py", "server", json.dumps(connections)))


def raw_client(starter, server, *connections, **options):
    """Runs to its end; returns what each connection reports."""
    process = starter.run_python("raw_peer.py", "client", server.port, json.dumps(connections),
                                 **options)
    return [json.loads(line) for line in process.stdout().splitlines()]


def raw_reports(server):
    """What a raw_server reports of each connection, once it has ended."""
    server.wait()
    return [json.loads(line) for line in server.stdout().splitlines()[1:]]


NGINX = """
daemon off; master_process on; worker_processes 2; user root; pid {place}/nginx.pid;
error_log {place}/error.log warn;
events {{ worker_connections 512; }}
http {{
  log_format oracle escape=json '{{"side": "server", "method": "$request_method", '
    '"path": "$uri", "status": $status, "request_bytes": "$content_length", '
    '"response_bytes": "$body_size", {ports} "pid": $pid}}';
  # nginx counts a chunked body with its framing: of no use here, so left empty.
  map $sent_http_transfer_encoding $body_size {{ chunked ""; default $body_bytes_sent; }}
  map $upstream_http_transfer_encoding $upstream_size {{
    chunked ""; default $upstream_response_length; }}
  log_format upstream escape=json '{{"side": "client", "method": "$request_method", '
    '"path": "$uri", "status": $upstream_status, "request_bytes": "$content_length", '
    '"response_bytes": "$upstream_size" {upstream_port}}}';
  access_log {log} oracle;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  client_max_body_size 0; keepalive_requests 100000; {http}
  {upstream}
  server {{ listen {listen}; root {place}/root; {server} }}
}}
"""


def nginx(starter, files=None, http="", server="", next_server=None, uds=False):
    """nginx with these files (name → bytes or size), and everything under /items passed on to
    next_server over kept connections."""
    number = len(starter.started)
    place = starter.directory / f"nginx{number}"
    (place / "root").mkdir(parents=True)
    for name, content in (files or {}).items():
        with open(place / "root" / name, "wb") as file:
            if isinstance(content, int):
                file.truncate(content)
            else:
                file.write(content)
    path = short_socket(starter) if uds else None
    port = None if uds else free_port()
    log = starter.directory / f"{number}.requests"
    upstream = ""
    if next_server:
        where = f"unix:{next_server.uds}" if next_server.uds else f"127.0.0.1:{next_server.port}"
        upstream = f"upstream next {{ server {where}; keepalive 16; }}"
        server += (f" location /items {{ proxy_pass http://next; proxy_http_version 1.1; "
                   f"proxy_set_header Connection ''; proxy_buffering on; "
                   f"access_log {log} oracle; access_log {log} upstream; }}")
    text = NGINX.format(
        place=place, log=log, http=http, server=server, upstream=upstream,
        listen=f"unix:{path}" if uds else f"127.0.0.1:{port}",
        ports="" if uds else '"client_port": $remote_port, "server_port": $server_port,',
        upstream_port=f', "server_port": {next_server.port}'
        if next_server and next_server.port else "")
    (place / "nginx.conf").write_text(text)
    process = starter.start("nginx", "-p", place, "-c", place / "nginx.conf",
                            "-e", place / "error.log")
    process.port, process.uds = port, path
    if uds:
        wait_until(lambda: os.path.exists(path), "nginx's socket")
    else:
        wait_until(lambda: port in listening_ports(), "nginx to listen")
    return process


def http_client(starter, server, *options, timeout=60, **settings):
    """Runs http_client.py against a server to its end; `settings` become its options."""
    for name, value in settings.items():
        options += (f"--{name.replace('_', '-')}",) + (() if value is True else (str(value),))
    where = ("--uds", server.uds) if server.uds else ("--url", server.url())
    return starter.run_python("http_client.py", *where, *options, timeout=timeout)
