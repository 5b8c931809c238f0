# SPDX-License-Identifier: Apache-2.0
"""Python's own threaded HTTP server, over TCP or a unix socket (--uds PATH).

Replies as the request's X-Reply-* headers ask (request_log.reply_plan); the body is 'x' repeated,
or with X-Reply-Echo the request's own."""
import argparse
import http.server
import os
import socket
import socketserver
import time

from request_log import now, record, reply_plan


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "workload", ""
    disable_nagle_algorithm = True

    def date_time_string(self, timestamp=None):
        return "Sat, 01 Jan 2000 00:00:00 GMT"  # every reply is the same, byte for byte

    def log_message(self, *arguments):
        pass

    def read_chunked(self):
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return bytes(body)

    def read_body(self):
        """Returns the body's length, and the body where it is to be sent back."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self.read_chunked()
            return len(body), body
        left = length = int(self.headers.get("Content-Length", 0))
        kept = []
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                raise ConnectionError("the client left")
            left -= len(piece)
            if "X-Reply-Echo" in self.headers:
                kept.append(piece)
        return length, b"".join(kept)

    def send_body(self, body, chunked):
        if not chunked:
            self.wfile.write(body)
            return
        for start in range(0, len(body), 1000):
            piece = body[start:start + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\nX-Checksum: 1\r\n\r\n")

    def serve(self):
        begin = now()
        status, size, chunked, delay = reply_plan(self.headers)
        request_bytes, body = self.read_body()
        if "X-Reply-Echo" not in self.headers:
            body = b"x" * size
        if delay:
            time.sleep(delay)
        bodyless = self.command == "HEAD" or status in (204, 304)
        chunked = chunked and status not in (204, 304)
        self.send_response(status)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Trailer", "X-Checksum")
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not bodyless:
            self.send_body(body, chunked)
        tcp = isinstance(self.client_address, tuple)
        record("server", self.command, self.path, status, request_bytes=request_bytes,
               response_bytes=0 if bodyless else len(body), start_ns=begin, end_ns=now(),
               client_port=self.client_address[1] if tcp else ...,
               server_port=self.server.server_address[1] if tcp else ...)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = serve


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without a look-up of the host's name
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # clients that leave are part of the tests


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def finish_request(self, request, client_address):
        Handler.disable_nagle_algorithm = False
        super().finish_request(request, client_address)

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", 0


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--uds")
    options = arguments.parse_args()
    if ":" in options.host:
        Server.address_family = socket.AF_INET6
    server = UnixServer(options.uds, Handler) if options.uds else Server(
        (options.host, options.port), Handler)
    print(f"listening {0 if options.uds else server.server_address[1]} {os.getpid()}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
