# SPDX-License-Identifier: Apache-2.0
"""Starts the demo system on free ports of the loopback, lets its command line work, and ends it.
usage: run.py [ROUNDS]"""
import os
import pathlib
import socket
import subprocess
import sys

PLACE = pathlib.Path(__file__).resolve().parent


def url_of(listener):
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def main():
    rounds = sys.argv[1] if len(sys.argv) > 1 else "2"
    # The services inherit their listening sockets, so that the first request can wait for them.
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in ("api", "ib_host", "worker")}
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        down = url_of(nobody)
    environment = {**os.environ, "API_URL": url_of(sockets["api"]),
                   "HOST_SERVICE_URL": url_of(sockets["ib_host"]),
                   "WORKER_URL": url_of(sockets["worker"]), "BACKTEST_WORKER_URL": down,
                   "PYTHONDONTWRITEBYTECODE": "1"}
    services = []
    try:
        for name, listener in sockets.items():
            services.append(subprocess.Popen(
                [sys.executable, "-m", "uvicorn", f"{name}:app", "--fd", str(listener.fileno()),
                 "--log-level", "warning", "--no-access-log"], cwd=PLACE, env=environment,
                pass_fds=[listener.fileno()]))
        sys.exit(subprocess.call([sys.executable, PLACE / "cli.py", environment["API_URL"], rounds],
                                 env=environment))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        for service in reversed(services):
            service.terminate()
        for service in services:
            service.wait()


if __name__ == "__main__":
    main()
