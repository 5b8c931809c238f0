# SPDX-License-Identifier: Apache-2.0
"""A Flask service of the oracle: one thread a request, and the ways to hand work to another.

Under gunicorn, or by itself on Flask's own threaded server ("listening PORT PID")."""
import concurrent.futures
import os
import queue
import subprocess
import threading
import time

import flask
import requests
import requests.adapters

from calls import NEXT, logged, pause_of

app = flask.Flask(__name__)
kept = requests.Session()
kept.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=100))
jobs = queue.Queue()
shared_pool = concurrent.futures.ThreadPoolExecutor(8)


def call(serving, name, client=kept):
    with logged(serving, name) as (url, headers):
        client.get(url, headers=headers, timeout=20).raise_for_status()


def serving():
    return flask.request.headers["X-Token"]


@app.route("/seq")
def seq():
    token = serving()
    call(token, "0")
    call(token, "1")
    return "ok"


@app.route("/fresh")
def fresh():
    """A connection for each call."""
    token = serving()
    call(token, "0", requests)
    call(token, "1", requests)
    return "ok"


@app.route("/pause")
def pause():
    token = serving()
    time.sleep(pause_of(token))
    call(token, "0")
    return "ok"


@app.route("/pause2")
def pause2():
    token = serving()
    call(token, "0")
    time.sleep(pause_of(token))
    call(token, "1")
    return "ok"


@app.route("/relay")
def relay():
    """Two calls to a service that calls, too."""
    token = serving()
    for name in "01":
        with logged(token, name) as (_, headers):
            kept.get(f"{NEXT}/seq", headers=headers, timeout=20).raise_for_status()
    return "ok"


@app.route("/executor")
def executor():
    """Threads of the request's own."""
    token = serving()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda i: call(token, str(i)), range(3)))
    return "ok"


@app.route("/shared")
def shared():
    """Threads that serve all requests in turn."""
    token = serving()
    waiting = [shared_pool.submit(call, token, str(i)) for i in range(3)]
    concurrent.futures.wait(waiting)
    return "ok"


@app.route("/background")
def background():
    """A thread that goes on when the request has been answered."""
    token = serving()

    def later():
        time.sleep(pause_of(token))
        call(token, "late0")
        call(token, "late1")

    threading.Thread(target=later).start()
    call(token, "0")
    return "ok"


@app.route("/command")
def command():
    """A program makes the call."""
    with logged(serving(), "0") as (url, headers):
        subprocess.run(["curl", "-sS", "-H", f"X-Token: {headers['X-Token']}", url], check=True,
                       stdout=subprocess.DEVNULL)
    return "ok"


@app.route("/queue")
def handed_over():
    """Handed to one of four threads that are older than the request, over a queue of one's own."""
    token, done = serving(), threading.Event()
    jobs.put((token, done))
    done.wait()
    return "ok"


def work():
    while True:
        token, done = jobs.get()
        call(token, "0")
        done.set()


def poll():
    """Calls that no request causes."""
    number = 0
    while True:
        time.sleep(0.02)
        call("", f"poll-{os.getpid()}-{number}")
        number += 1


for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
if os.environ.get("POLL"):
    threading.Thread(target=poll, daemon=True).start()

if __name__ == "__main__":
    from werkzeug.serving import make_server
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print("listening", server.server_port, os.getpid(), flush=True)
    server.serve_forever()
