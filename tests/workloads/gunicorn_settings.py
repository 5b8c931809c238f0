# SPDX-License-Identifier: Apache-2.0
"""gunicorn's settings: prefork workers that share one listening socket."""
import os

bind = "127.0.0.1:0"
workers = int(os.environ.get("WORKERS", "3"))
worker_class = os.environ.get("WORKER_CLASS", "sync")
threads = int(os.environ.get("THREADS", "1"))
keepalive = 30
loglevel = "warning"
control_socket_disable = True
_up = set()


def post_worker_init(worker):
    pass


def when_ready(server):
    print("listening", server.LISTENERS[0].getsockname()[1], os.getpid(), flush=True)
