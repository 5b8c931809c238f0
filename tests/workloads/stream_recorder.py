# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1 server that keeps every byte it is sent, by rules of its own and no library's.

usage: stream_recorder.py ADDRESS DIRECTORY [CERTIFICATE]
Connection number N leaves DIRECTORY/N.bytes, whole once N.done is there. Each request is answered
"ok"; Expect gets a 100, Upgrade a 101 after which all is only kept, as is what is no HTTP. With
CERTIFICATE (and its key, PEM) a stream that begins as TLS does is decrypted first; what is kept is
what came over the wire, and N.plain is what was in it. Prints "listening PORT PID"."""
import os
import pathlib
import re
import socket
import ssl
import sys
import threading

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Stream:
    def __init__(self, sock, place, context):
        self.sock, self.place, self.context = sock, place, context
        self.kept = open(f"{place}.bytes", "wb")
        self.inside = None
        self.buffer = b""

    def more(self):
        """More bytes into the buffer; False at the end."""
        piece = self.sock.recv(1 << 16)
        self.kept.write(piece)
        if self.inside is None:
            self.buffer += piece
        elif piece:
            self.inside.feed(piece)
            self.buffer += self.inside.plain()
            self.flush_tls()
        return bool(piece)

    def flush_tls(self):
        pending = self.inside.pending()
        if pending:
            self.sock.sendall(pending)

    def send(self, text):
        if self.inside is None:
            self.sock.sendall(text)
        else:
            self.inside.tls.write(text)
            self.flush_tls()

    def up_to(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise EOFError
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError
        self.buffer = self.buffer[count:]

    def chunks(self):
        while size := int(self.up_to(b"\r\n"), 16):
            self.exactly(size + 2)
        self.up_to(b"\r\n")

    def rest(self):
        while self.more():
            pass

    def answer(self):
        """One request, or all there is that is none; False: nothing more can be answered."""
        head = self.up_to(b"\r\n\r\n")
        if re.search(rb"(?im)^(upgrade:|connect )", head):
            self.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            self.rest()
            return False
        if re.search(rb"(?im)^expect:", head):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if re.search(rb"(?im)^transfer-encoding:", head):
            self.chunks()
        elif length := re.search(rb"(?im)^content-length: *(\d+)", head):
            self.exactly(int(length.group(1)))
        self.send(OK)
        return True

    def begin(self):
        while len(self.buffer) < 3 and self.more():
            pass
        if self.context and self.buffer[:1] == b"\x16":
            first, self.buffer = self.buffer, b""
            self.inside = Tls(self.context)
            self.inside.feed(first)
            self.inside.plain()
            self.flush_tls()
        elif not re.match(rb"[A-Z\r]", self.buffer):
            self.rest()

    def serve(self):
        try:
            self.begin()
            while self.answer():
                pass
        except (EOFError, ConnectionError):
            pass
        self.kept.close()
        if self.inside:
            pathlib.Path(f"{self.place}.plain").write_bytes(self.inside.all)
        self.sock.close()
        pathlib.Path(f"{self.place}.done").touch()


class Tls:
    def __init__(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.all = b""

    def feed(self, piece):
        self.incoming.write(piece)

    def pending(self):
        return self.outgoing.read()

    def plain(self):
        got = b""
        try:
            while piece := self.tls.read(1 << 16):
                got += piece
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        self.all += got
        return got


def main():
    address, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3])
    with socket.create_server((address, 0), backlog=128) as listener:
        print("listening", listener.getsockname()[1], os.getpid(), flush=True)
        number = 0
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(60)
            threading.Thread(target=Stream(sock, directory / str(number), context).serve,
                             daemon=True).start()
            number += 1


main()
