# SPDX-License-Identifier: Apache-2.0
"""A listener that never accepts and whose queue is full: connecting to it takes for ever."""
import os
import socket
import time

with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
    port = listener.getsockname()[1]
    held = []
    # One more than the queue holds has its last packet ignored, so that it is full for certain.
    for _ in range(2):
        sock = socket.socket()
        sock.settimeout(0.2)
        try:
            sock.connect(("127.0.0.1", port))
        except TimeoutError:
            sock.close()
            break
        held.append(sock)
    print("listening", port, os.getpid(), flush=True)
    time.sleep(60)
