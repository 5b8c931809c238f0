#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the recordings are made of (record.sh): cases.py CASE. Only the standard library and curl."""
import asyncio
import http.server
import socket
import subprocess
import sys
import time

HOST = "127.0.0.1"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def curl(*arguments):
    subprocess.run(["curl", "-s", *arguments], stdout=subprocess.DEVNULL, check=False)


def keep_alive():
    """Two requests on one connection, a HEAD on another; a page that is missing."""
    server = subprocess.Popen([sys.executable, "-m", "http.server", "18956", "--bind", HOST,
                               "--protocol", "HTTP/1.1", "-d", "/usr/share/common-licenses"],
                              stderr=subprocess.DEVNULL)
    time.sleep(1)
    curl(f"http://{HOST}:18956/BSD", f"http://{HOST}:18956/missing")
    curl("-I", f"http://{HOST}:18956/BSD")
    server.kill()
    server.wait()


def both_ends(port):
    """A connection of this process with itself."""
    with socket.create_server((HOST, port)) as listener:
        client = socket.create_connection((HOST, port))
        server, _ = listener.accept()
    return client, server


def pipelining():
    """Three requests before the first answer; the last has a parent elsewhere."""
    client, server = both_ends(18955)
    client.sendall(b"GET /a HTTP/1.1\r\nHost: golden:18955\r\n\r\n"
                   b"GET /b HTTP/1.1\r\nHost: golden:18955\r\n\r\n")
    client.sendall(b"GET /items/17 HTTP/1.1\r\nHost: golden:18955\r\ntraceparent: "
                   + TRACEPARENT.encode() + b"\r\n\r\n")
    server.recv(65536)
    for status, body in ((200, b"a"), (201, b"bb"), (202, b"ccc")):
        server.sendall(b"HTTP/1.1 %d Fine\r\nContent-Length: %d\r\n\r\n%s"
                       % (status, len(body), body))
    while b"ccc" not in client.recv(65536):
        pass
    client.close()
    server.close()


def chunked_and_truncated():
    """A body in chunks; a request that is answered early and never sent whole."""
    client, server = both_ends(18957)
    client.sendall(b"GET /stream HTTP/1.1\r\nHost: golden:18957\r\n\r\n")
    server.recv(65536)
    server.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    time.sleep(0.02)
    client.recv(65536)
    server.sendall(b"6\r\n world\r\n0\r\n\r\n")
    client.recv(65536)
    client.sendall(b"POST /upload HTTP/1.1\r\nHost: golden:18957\r\nContent-Length: 100000\r\n\r\n"
                   + b"x" * 1000)
    server.recv(65536)
    server.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot")
    server.close()
    while client.recv(65536):
        pass
    client.close()


def connect_refused():
    curl(f"http://{HOST}:1/a")


def back():
    """A service with a thread a connection."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((HOST, 18959), Handler)
    print("ready", flush=True)
    server.serve_forever()


async def call(path):
    reader, writer = await asyncio.open_connection(HOST, 18959)
    writer.write(b"GET %s HTTP/1.1\r\nHost: back:18959\r\nConnection: close\r\n\r\n" % path)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


async def handle(reader, writer):
    """For each request two calls at once, and one that is left behind by it."""
    behind = []
    while await reader.readuntil(b"\r\n\r\n"):
        await asyncio.gather(call(b"/stock"), call(b"/price"))
        behind.append(asyncio.create_task(call(b"/audit")))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()


async def front():
    """A service of one thread: tasks."""
    server = await asyncio.start_server(handle, HOST, 18958)
    print("ready", flush=True)
    await server.serve_forever()


def chain():
    """A program, a service of tasks and a service of threads; nobody sends a header."""
    services = []
    for role in ("back", "front"):
        services.append(subprocess.Popen([sys.executable, sys.argv[0], role], stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL))
        services[-1].stdout.readline()
        time.sleep(0.5)  # its interpreter has been looked into
    curl(f"http://{HOST}:18958/order/1", f"http://{HOST}:18958/order/2")
    curl(f"http://{HOST}:18958/order/3")
    time.sleep(0.1)
    for service in services:
        service.kill()
        service.wait()


if __name__ == "__main__":
    case = globals()[sys.argv[1].replace("-", "_")]
    asyncio.run(case()) if asyncio.iscoroutinefunction(case) else case()
