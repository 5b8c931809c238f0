# SPDX-License-Identifier: Apache-2.0
"""Sends a fixed plan of requests with one of several client libraries and logs each.

Request i of a run goes to /items/PREFIX-i; methods, statuses, body sizes and chunking follow from
i alone, so that two runs are the same byte for byte. Prints the SHA-256 of all replies (status,
headers but Date, body) in the order of i."""
import argparse
import asyncio
import concurrent.futures
import hashlib
import http.client
import socket
import threading
import urllib.parse

from request_log import now, record

METHODS = ["GET", "POST", "GET", "PUT", "DELETE", "GET", "PATCH"]
STATUSES = [200, 201, 200, 404, 200, 503, 202, 204]


class Plan:
    """What request number i is."""

    def __init__(self, options, i):
        self.method = options.method or METHODS[i % len(METHODS)]
        self.path = (options.path or "/items/{prefix}-{i}").format(prefix=options.prefix, i=i)
        size = options.body_bytes if options.body_bytes is not None else (i * 131) % 3000
        self.body = b"b" * size if self.method in ("POST", "PUT", "PATCH") else None
        self.status = options.status or STATUSES[i % len(STATUSES)]
        reply = options.reply_bytes if options.reply_bytes is not None else (i * 977) % 9000
        self.headers = {"x-reply-status": str(self.status), "x-reply-bytes": str(reply)}
        if options.delay_ms:
            self.headers["x-reply-delay-ms"] = str(options.delay_ms)
        if i % 5 == 0 and not options.no_chunks:
            self.headers["x-reply-chunked"] = "1"
        for header in options.header:
            name, value = header.split(":", 1)
            self.headers[name.strip()] = value.strip().format(i=i)
        if options.close:
            self.headers["Connection"] = "close"

    def log(self, begin, status, body, **ports):
        record("client", self.method, self.path, status, request_bytes=len(self.body or b""),
               response_bytes=len(body), start_ns=begin, end_ns=now(), **ports)


def fingerprint(status, headers, body):
    kept = sorted((name.lower(), value) for name, value in headers if name.lower() != "date")
    return hashlib.sha256(repr((status, kept, hashlib.sha256(body).digest())).encode()).digest()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def sync_sender(options):
    """Returns send(plan) for a library that blocks; each thread has a connection of its own."""
    local = threading.local()
    host = urllib.parse.urlsplit(options.url)

    def http_client(plan):
        if not hasattr(local, "connection"):
            local.connection = UnixConnection(options.uds) if options.uds else (
                http.client.HTTPConnection(host.hostname, host.port, timeout=30))
        connection = local.connection
        begin = now()
        connection.request(plan.method, plan.path, plan.body, plan.headers)
        ports = {} if options.uds else {"client_port": connection.sock.getsockname()[1],
                                        "server_port": host.port}
        reply = connection.getresponse()
        body = reply.read()
        plan.log(begin, reply.status, body, **ports)
        return fingerprint(reply.status, reply.getheaders(), body)

    def requests_library(plan):
        import requests
        if not hasattr(local, "session"):
            local.session = requests.Session()
        begin = now()
        reply = local.session.request(plan.method, options.url + plan.path, data=plan.body,
                                      headers=plan.headers, timeout=30)
        plan.log(begin, reply.status_code, reply.content, server_port=host.port)
        return fingerprint(reply.status_code, reply.headers.items(), reply.content)

    def httpx_library(plan):
        import httpx
        if not hasattr(local, "client"):
            transport = httpx.HTTPTransport(uds=options.uds) if options.uds else None
            local.client = httpx.Client(timeout=30, transport=transport)
        begin = now()
        reply = local.client.request(plan.method, options.url + plan.path, content=plan.body,
                                     headers=plan.headers)
        plan.log(begin, reply.status_code, reply.content,
                 server_port=... if options.uds else host.port)
        return fingerprint(reply.status_code, reply.headers.multi_items(), reply.content)

    return {"http.client": http_client, "requests": requests_library, "httpx": httpx_library}[
        options.library]


def run_sync(options):
    send = sync_sender(options)
    with concurrent.futures.ThreadPoolExecutor(options.concurrency) as pool:
        return list(pool.map(lambda i: send(Plan(options, i)), range(options.requests)))


async def run_httpx(options):
    import httpx
    transport = httpx.AsyncHTTPTransport(uds=options.uds) if options.uds else None
    limit = asyncio.Semaphore(options.concurrency)
    port = ... if options.uds else urllib.parse.urlsplit(options.url).port
    async with httpx.AsyncClient(timeout=30, transport=transport) as client:
        async def send(i):
            plan = Plan(options, i)
            async with limit:
                begin = now()
                reply = await client.request(plan.method, options.url + plan.path,
                                             content=plan.body, headers=plan.headers)
                plan.log(begin, reply.status_code, reply.content, server_port=port)
            return fingerprint(reply.status_code, reply.headers.multi_items(), reply.content)
        return await asyncio.gather(*(send(i) for i in range(options.requests)))


async def run_aiohttp(options):
    import aiohttp
    limit = asyncio.Semaphore(options.concurrency)
    port = urllib.parse.urlsplit(options.url).port
    async with aiohttp.ClientSession() as session:
        async def send(i):
            plan = Plan(options, i)
            async with limit:
                begin = now()
                async with session.request(plan.method, options.url + plan.path, data=plan.body,
                                           headers=plan.headers) as reply:
                    body = await reply.read()
                plan.log(begin, reply.status, body, server_port=port)
            return fingerprint(reply.status, reply.headers.items(), body)
        return await asyncio.gather(*(send(i) for i in range(options.requests)))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--library", default="http.client", choices=[
        "http.client", "requests", "httpx", "httpx-async", "httpx-uvloop", "aiohttp"])
    arguments.add_argument("--url", default="http://localhost")
    arguments.add_argument("--uds")
    arguments.add_argument("--requests", type=int, default=20)
    arguments.add_argument("--concurrency", type=int, default=1)
    arguments.add_argument("--prefix", default="r")
    arguments.add_argument("--path", help="with {prefix} and {i}")
    arguments.add_argument("--method")
    arguments.add_argument("--status", type=int)
    arguments.add_argument("--body-bytes", type=int)
    arguments.add_argument("--reply-bytes", type=int)
    arguments.add_argument("--delay-ms", type=int)
    arguments.add_argument("--no-chunks", action="store_true")
    arguments.add_argument("--header", action="append", default=[])
    arguments.add_argument("--close", action="store_true", help="a connection for each request")
    options = arguments.parse_args()
    if options.library == "httpx-uvloop":
        import uvloop
        uvloop.install()
    if options.library in ("httpx-async", "httpx-uvloop"):
        replies = asyncio.run(run_httpx(options))
    elif options.library == "aiohttp":
        replies = asyncio.run(run_aiohttp(options))
    else:
        replies = run_sync(options)
    print("replies", hashlib.sha256(b"".join(replies)).hexdigest())


if __name__ == "__main__":
    main()
