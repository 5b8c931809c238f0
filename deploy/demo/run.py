# SPDX-License-Identifier: Apache-2.0
"""Starts the demo system on free ports of the loopback, lets its command line work, and ends it.
usage: run.py [ROUNDS]"""
import os
import pathlib
import socket
import subprocess
import sys
import time

PLACE = pathlib.Path(__file__).resolve().parent


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def wait_for(port, service):
    for _ in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        if service.poll() is not None:
            sys.exit(f"demo: {service.args[3]} ended at start")
        time.sleep(0.1)
    sys.exit(f"demo: {service.args[3]} does not listen after 20 s")


def main():
    rounds = sys.argv[1] if len(sys.argv) > 1 else "2"
    api, host_service, worker, nobody = free_ports(4)
    url = "http://127.0.0.1:{}".format
    environment = {**os.environ, "API_URL": url(api), "HOST_SERVICE_URL": url(host_service),
                   "WORKER_URL": url(worker), "BACKTEST_WORKER_URL": url(nobody),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    services = []
    try:
        for name, port in (("api", api), ("ib_host", host_service), ("worker", worker)):
            services.append(subprocess.Popen(
                [sys.executable, "-m", "uvicorn", f"{name}:app", "--host", "127.0.0.1", "--port",
                 str(port), "--log-level", "warning", "--no-access-log"], cwd=PLACE,
                env=environment))
            wait_for(port, services[-1])
        sys.exit(subprocess.call([sys.executable, PLACE / "cli.py", url(api), rounds],
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
