# SPDX-License-Identifier: Apache-2.0
"""One client library asks in its plainest way: the same bytes each time.

usage: simple_clients.py http.client|urllib|requests|kept|blocking URL COUNT
All use one connection, but urllib one for each request. "kept" and "blocking" look at their socket
before they read: FIONREAD must tell each answer's bytes, as poll must that they are there; the
process fails where they do not."""
import array
import fcntl
import http.client
import select
import socket
import sys
import termios
import urllib.parse
import urllib.request

kind, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
host = urllib.parse.urlsplit(url).netloc


def queued(sock):
    number = array.array("i", [-1])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, number)
    return number[0]


def with_http_client():
    connection = http.client.HTTPConnection(host, timeout=30)
    for i in range(count):
        method, body = ("POST", b"b" * 700) if i % 3 == 1 else ("GET", None)
        connection.request(method, f"/p/{i}", body=body, headers={"X-Number": str(i)})
        assert connection.getresponse().read() == b"ok"


def with_urllib():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for i in range(count):
        assert opener.open(f"{url}/u/{i}", timeout=30).read() == b"ok"


def with_requests():
    import requests
    with requests.Session() as session:
        session.trust_env = False
        for i in range(count):
            data = b"d" * 3000 if i % 4 == 2 else None
            assert session.request("PUT" if data else "GET", f"{url}/r/{i}", data=data,
                                   timeout=30).content == b"ok"


def with_a_look(timeout):
    address, port = host.split(":")
    answer = len(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with socket.create_connection((address, int(port))) as sock:
        sock.settimeout(timeout)
        poll = select.epoll()
        poll.register(sock, select.EPOLLIN)
        for i in range(count):
            request = f"GET /k/{i} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            assert sock.send(request) == len(request)
            assert poll.poll(30)
            assert queued(sock) == answer, (i, queued(sock))
            assert len(sock.recv(4096)) == answer
            assert queued(sock) == 0


{"http.client": with_http_client, "urllib": with_urllib, "requests": with_requests,
 "kept": lambda: with_a_look(30), "blocking": lambda: with_a_look(None)}[kind]()
