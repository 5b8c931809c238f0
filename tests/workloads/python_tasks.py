# SPDX-License-Identifier: Apache-2.0
"""A server whose calls say for which request they are made: GET /3.1 leads to GET /call/3.1.

usage: python_tasks.py asyncio|uvloop|pool   (needs nothing but the standard library; exits with 77
where uvloop is missing). Says "ready" on a socket once all is imported, and then waits for a byte on
standard input, so that an observer can get ready too. CLIENTS clients ask REQUESTS times each, at the
same time, all within this process.
"""
import asyncio
import concurrent.futures
import os
import socket
import sys
import threading

CLIENTS, REQUESTS = 4, 5
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def request(path):
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def name_in(data):
    return data.split()[1].decode()


def wait_for_observer():
    ours, theirs = socket.socketpair()
    ours.sendall(b"ready")
    theirs.recv(5)
    os.read(0, 1)


class Upstream(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(ANSWER)


class Front(Upstream):
    upstream = None

    def data_received(self, data):
        asyncio.get_running_loop().create_task(self.serve(name_in(data)))

    async def serve(self, path):
        await asyncio.sleep(0.001)
        await asyncio.ensure_future(self.call("/call" + path))
        self.transport.write(ANSWER)

    async def call(self, path):
        reader, writer = await asyncio.open_connection(*Front.upstream)
        writer.write(request(path))
        await reader.readuntil(b"ok")
        writer.close()


async def ask_async(address, client):
    reader, writer = await asyncio.open_connection(*address)
    for i in range(REQUESTS):
        writer.write(request(f"/{client}.{i}"))
        await reader.readuntil(b"ok")
    writer.close()


async def run_tasks():
    loop = asyncio.get_running_loop()
    upstream = await loop.create_server(Upstream, "127.0.0.1", 0)
    front = await loop.create_server(Front, "127.0.0.1", 0)
    Front.upstream = upstream.sockets[0].getsockname()
    address = front.sockets[0].getsockname()
    await asyncio.gather(*[ask_async(address, client) for client in range(CLIENTS)])


def listen():
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()


def answer_all(server):
    while True:
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(ANSWER)
        connection.close()


def call_sync(address, path):
    with socket.create_connection(address) as connection:
        connection.sendall(request(path))
        connection.recv(1000)


def serve_sync(connection, pool, upstream):
    while data := connection.recv(1000):
        pool.submit(call_sync, upstream, "/call" + name_in(data)).result()
        connection.sendall(ANSWER)
    connection.close()


def accept_all(server, pool, upstream):
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve_sync, args=(connection, pool, upstream), daemon=True).start()


def ask_sync(address, client):
    with socket.create_connection(address) as connection:
        for i in range(REQUESTS):
            connection.sendall(request(f"/{client}.{i}"))
            connection.recv(1000)


def run_pool():
    upstream, upstream_address = listen()
    front, address = listen()
    pool = concurrent.futures.ThreadPoolExecutor(2)
    pool.submit(int).result()  # everything is imported
    wait_for_observer()
    threading.Thread(target=answer_all, args=(upstream,), daemon=True).start()
    threading.Thread(target=accept_all, args=(front, pool, upstream_address), daemon=True).start()
    clients = [threading.Thread(target=ask_sync, args=(address, i)) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


if __name__ == "__main__":
    mode = sys.argv[1]
    if mode == "pool":
        run_pool()
    else:
        if mode == "uvloop":
            try:
                import uvloop
            except ImportError:
                sys.exit(77)
            uvloop.install()
        wait_for_observer()
        asyncio.run(run_tasks())
