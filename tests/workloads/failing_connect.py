# SPDX-License-Identifier: Apache-2.0
"""Tries to connect and fails. usage: failing_connect.py MODE HOST PORT

  blocking      connect(2) fails                 nonblocking   EINPROGRESS, then the socket's error
  asyncio       as an event loop does it         timeout       gives up after 0.3 s and closes
Prints the errno's name and the local clock around the attempt.
"""
import asyncio
import errno
import select
import socket
import sys


def blocking(host, port):
    socket.create_connection((host, port), timeout=None)


def nonblocking(host, port):
    with socket.socket() as sock:
        sock.setblocking(False)
        error = sock.connect_ex((host, port))
        if error == errno.EINPROGRESS:
            select.select([], [sock], [], 10)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "connect")


def timeout(host, port):
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex((host, port))
        if not select.select([], [sock], [], 0.3)[1]:
            raise OSError(errno.ETIMEDOUT, "gave up")


def with_asyncio(host, port):
    asyncio.run(asyncio.open_connection(host, port))


def main():
    mode, host, port = sys.argv[1:4]
    try:
        {"blocking": blocking, "nonblocking": nonblocking, "timeout": timeout,
         "asyncio": with_asyncio}[mode](host, int(port))
    except OSError as error:
        print("failed", errno.errorcode.get(error.errno, error))
    else:
        print("connected")


if __name__ == "__main__":
    main()
