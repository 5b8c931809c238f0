# SPDX-License-Identifier: Apache-2.0
"""The oracle's services, its backend and its load. Each function takes a Starter first."""
import os
import sys

from harness.peers import NGINX, listening, program
from harness.processes import WORKLOADS, free_port, listening_ports, wait_until

# Multiplies the number of requests: 1 for every run, more for figures.
SCALE = float(os.environ.get("TACIT_ORACLE_SCALE", "1"))


def backend(starter, uds=None, **options):
    process = listening(starter.start(program("go_chain"), "backend", *([uds] if uds else []),
                                      **options))
    process.uds = uds
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
