# SPDX-License-Identifier: Apache-2.0
"""Either end of a TCP connection, following a script to the byte. For what no library would do.

usage: raw_peer.py server SCRIPT | client [ADDRESS:]PORT SCRIPT
SCRIPT is JSON, or @FILE with it: a list of connections, each a list of steps [verb, argument…]:
  send TEXT             sends it in one call        trickle TEXT        byte by byte
  fill BYTES            sends so many 'z'           sendfile BYTES      the same by sendfile(2)
  until TEXT            reads to the end of TEXT    read BYTES          reads exactly so many
  skip BYTES            reads so many, keeps none   eof                 reads to the end
  shutdown              sends FIN, goes on reading  close               closes now
  gate PATH             waits for a file
  sleep SECONDS         waits                       reset               closes with RST
The server takes connections one after the other, prints "listening PORT PID" first and ends after
the last. Each end prints one JSON line a connection: ports, bytes read, errno name of a failure.
"""
import errno
import json
import os
import socket
import struct
import sys
import tempfile
import time


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(30)
        self.buffer = b""
        self.received = 0
        self.report = {"local_port": sock.getsockname()[1], "remote_port": sock.getpeername()[1]}

    def more(self):
        piece = self.sock.recv(1 << 16)
        self.received += len(piece)
        return piece

    def send(self, text):
        self.sock.sendall(text.encode("latin-1"))

    def trickle(self, text):
        for byte in text.encode("latin-1"):
            self.sock.sendall(bytes([byte]))

    def fill(self, count):
        block = b"z" * (1 << 20)
        while count:
            count -= self.sock.send(block[:count])

    def sendfile(self, count):
        with tempfile.TemporaryFile() as file:
            file.truncate(count)
            self.sock.sendfile(file)

    def until(self, text):
        mark = text.encode("latin-1")
        while mark not in self.buffer:
            piece = self.more()
            if not piece:
                raise EOFError(f"ended before {text!r}")
            self.buffer += piece
        self.buffer = self.buffer.split(mark, 1)[1]

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.more()
            if not piece:
                raise EOFError(f"ended before {count} bytes")
            self.buffer += piece
        self.buffer = self.buffer[count:]

    def skip(self, count):
        count -= len(self.buffer)
        while count > 0:
            piece = self.sock.recv(min(count, 1 << 16))
            if not piece:
                raise EOFError(f"ended {count} bytes too early")
            self.received += len(piece)
            count -= len(piece)
        self.buffer = b""

    def eof(self):
        self.buffer = b""
        while self.more():
            pass

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def shutdown(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def sleep(self, seconds):
        time.sleep(seconds)

    def gate(self, path):
        """Waits until the file is there; PATH.waiting says that it waits."""
        open(path + ".waiting", "w").close()
        deadline = time.monotonic() + 30
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                raise EOFError("the gate stayed shut")
            time.sleep(0.01)

    def follow(self, steps):
        try:
            for verb, *arguments in steps:
                getattr(self, verb)(*arguments)
        except EOFError as error:
            self.report["error"] = str(error)
        except OSError as error:
            self.report["error"] = errno.errorcode.get(error.errno, str(error))
        self.report["received"] = self.received
        print(json.dumps(self.report), flush=True)
        self.sock.close()


def main():
    side = sys.argv[1]
    script = sys.argv[-1]
    if script.startswith("@"):
        with open(script[1:], encoding="utf-8") as file:
            script = file.read()
    script = json.loads(script)
    if side == "client":
        address, _, port = sys.argv[2].rpartition(":")
        for steps in script:
            Connection(socket.create_connection((address or "127.0.0.1", int(port)))).follow(steps)
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening", listener.getsockname()[1], os.getpid(), flush=True)
        listener.settimeout(40)
        for steps in script:
            Connection(listener.accept()[0]).follow(steps)


if __name__ == "__main__":
    main()
