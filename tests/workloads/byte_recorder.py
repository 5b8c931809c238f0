# SPDX-License-Identifier: Apache-2.0
"""What arrives at the other end, to the byte.

usage: byte_recorder.py server ADDRESS COUNT     takes COUNT connections, reads each to its end
       byte_recorder.py client ADDRESS PORT FILE one connection; one send for each line, in hex
The server prints "listening PORT PID", then a line of length and SHA-256 a connection."""
import hashlib
import os
import socket
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(address, count):
    with socket.create_server((address, 0)) as listener:
        print("listening", listener.getsockname()[1], os.getpid(), flush=True)
        listener.settimeout(40)
        for _ in range(count):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                got = b"".join(iter(lambda: connection.recv(1 << 16), b""))
                connection.sendall(ANSWER)
            print(len(got), hashlib.sha256(got).hexdigest(), flush=True)


def send(address, port, pieces):
    with socket.create_connection((address, port)) as connection:
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.005)  # each in segments of its own
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


if sys.argv[1] == "server":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    with open(sys.argv[4], encoding="ascii") as file:
        send(sys.argv[2], int(sys.argv[3]), [bytes.fromhex(line) for line in file])
