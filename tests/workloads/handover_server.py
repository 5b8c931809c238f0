# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server whose connections change hands. usage: handover_server.py MODE

  fork          the parent accepts and forks; the child serves the connection
  prefork       four children accept from one listening socket
  dup           replies go out through a duplicate, the accepted descriptor is closed before
  scm_rights    the parent accepts and reads nothing; another process gets the descriptor
  midway        one process reads the request, another (over SCM_RIGHTS) sends the reply
  reuse         a connection is closed and the next takes the same descriptor number at once
"""
import array
import os
import signal
import socket
import sys

from request_log import now, record


def read_head(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(4096)
        if not piece:
            return None
        head += piece
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    return method, path


def reply(sock, request, begin, more=b""):
    method, path = request
    body = path.encode() * 3
    ports = {"server_port": sock.getsockname()[1], "client_port": sock.getpeername()[1]}
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), more)
    sock.sendall(head + body)
    record("server", method, path, 200, request_bytes=0, response_bytes=len(body),
           start_ns=begin, end_ns=now(), **ports)


def serve(sock):
    while True:
        begin = now()
        request = read_head(sock)
        if request is None:
            break
        reply(sock, request, begin)
    sock.close()


def serve_fork(listener):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        sock, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(sock)
            os._exit(0)
        sock.close()


def serve_prefork(listener):
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            while True:
                serve(listener.accept()[0])
        children.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: ([os.kill(pid, signal.SIGTERM) for pid in children],
                                              os._exit(0)))
    while True:
        signal.pause()


def serve_dup(listener):
    while True:
        sock, _ = listener.accept()
        while True:
            begin = now()
            request = read_head(sock)
            if request is None:
                break
            copy = sock.dup()
            sock.close()
            reply(copy, request, begin)
            sock = copy
        sock.close()


def receive_socket(channel):
    _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(4))
    if not ancillary:
        return None
    numbers = array.array("i")
    numbers.frombytes(ancillary[0][2])
    return socket.socket(fileno=numbers[0])


def pass_socket(channel, sock):
    channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array("i", [sock.fileno()]))])


def child_of(work):
    """A forked child that runs work(channel); returns the parent's end of the channel."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        here.close()
        work(there)
        os._exit(0)
    there.close()
    return here


def serve_scm_rights(listener):
    def work(channel):
        while sock := receive_socket(channel):
            serve(sock)
    channel = child_of(work)
    while True:
        sock, _ = listener.accept()
        pass_socket(channel, sock)
        sock.close()


def serve_midway(listener):
    def work(channel):
        while sock := receive_socket(channel):
            method, path = channel.recv(4096).decode().split(" ")
            reply(sock, (method, path), now())
            sock.close()
            channel.send(b"done")
    channel = child_of(work)
    while True:
        sock, _ = listener.accept()
        while request := read_head(sock):
            pass_socket(channel, sock)
            channel.send(" ".join(request).encode())
            channel.recv(16)
        sock.close()


def serve_reuse(listener):
    number = None
    while True:
        sock, _ = listener.accept()
        assert number in (None, sock.fileno()), "the descriptor number was not reused"
        number = sock.fileno()
        begin = now()
        request = read_head(sock)
        if request:
            reply(sock, request, begin, b"Connection: close\r\n")
        sock.close()


def main():
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print("listening", listener.getsockname()[1], os.getpid(), flush=True)
        globals()["serve_" + sys.argv[1]](listener)


if __name__ == "__main__":
    main()
