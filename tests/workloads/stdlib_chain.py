# SPDX-License-Identifier: Apache-2.0
"""Services of the oracle without any package, for every interpreter from 3.8 on.

usage: stdlib_chain.py threads|asyncio; prints "listening PORT PID"."""
import asyncio
import concurrent.futures
import http.client
import http.server
import os
import socketserver
import sys
import threading
import time
import urllib.parse

from calls import logged, pause_of

NEXT = urllib.parse.urlsplit(os.environ["NEXT_URL"])
pool = concurrent.futures.ThreadPoolExecutor(8)
kept = threading.local()


def call(serving, name):
    """On the thread's own kept connection."""
    if not hasattr(kept, "connection"):
        kept.connection = http.client.HTTPConnection(NEXT.hostname, NEXT.port, timeout=30)
    with logged(serving, name) as (url, headers):
        kept.connection.request("GET", urllib.parse.urlsplit(url).path, headers=headers)
        kept.connection.getresponse().read()


def later(serving):
    time.sleep(pause_of(serving))
    call(serving, "late")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        token = self.headers["X-Token"]
        if self.path == "/seq":
            call(token, "0")
            call(token, "1")
        elif self.path == "/pause":
            time.sleep(pause_of(token))
            call(token, "0")
        elif self.path == "/executor":
            with concurrent.futures.ThreadPoolExecutor(2) as own:
                list(own.map(lambda i: call(token, str(i)), range(2)))
        elif self.path == "/shared":
            concurrent.futures.wait([pool.submit(call, token, str(i)) for i in range(2)])
        elif self.path == "/background":
            threading.Thread(target=later, args=(token,)).start()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without a look-up of the host's name
        self.server_name, self.server_port = "localhost", self.server_address[1]


running = set()
idle = []  # kept connections, shared by all requests


async def ask(serving, name):
    reader, writer = idle.pop() if idle else await asyncio.open_connection(NEXT.hostname, NEXT.port)
    with logged(serving, name) as (url, headers):
        writer.write(f"GET {urllib.parse.urlsplit(url).path} HTTP/1.1\r\nHost: next\r\n"
                     f"X-Token: {headers['X-Token']}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length:")[1].split()[0]))
    idle.append((reader, writer))


def keep(task):
    """Nobody else holds it: older interpreters let it vanish half-way."""
    running.add(task)
    task.add_done_callback(running.discard)


async def later_task(serving):
    await asyncio.sleep(pause_of(serving))
    await ask(serving, "late")


async def handle(path, token):
    loop = asyncio.get_running_loop()
    if path == "/seq":
        await ask(token, "0")
        await ask(token, "1")
    elif path == "/pause":
        await asyncio.sleep(pause_of(token))
        await ask(token, "0")
    elif path == "/gather":
        await asyncio.gather(*(ask(token, str(i)) for i in range(3)))
    elif path == "/fire":
        keep(asyncio.ensure_future(later_task(token)))
    elif path == "/executor":
        await asyncio.gather(*(loop.run_in_executor(pool, call, token, str(i)) for i in range(2)))
    elif path == "/to-thread":
        if sys.version_info >= (3, 9):
            await asyncio.to_thread(call, token, "0")
        else:
            await ask(token, "0")


async def connection(reader, writer):
    """One task a connection: it serves requests one after another."""
    keep(asyncio.current_task())
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            await handle(lines[0].split()[1], headers["x-token"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if headers.get("connection") == "close":
                break
    except asyncio.IncompleteReadError:
        pass
    writer.close()


async def serve():
    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=256)
    print("listening", server.sockets[0].getsockname()[1], os.getpid(), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "asyncio":
        asyncio.run(serve())
    else:
        made = Server(("127.0.0.1", 0), Handler)
        print("listening", made.server_port, os.getpid(), flush=True)
        made.serve_forever()
