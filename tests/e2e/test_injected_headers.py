# SPDX-License-Identifier: Apache-2.0
"""traces.inject: http. Between two network namespaces: the bytes that arrive are the client's and,
where that is certain, exactly one traceparent line more, right behind the request line.

How far a kernel lets us go is what `tacit doctor` says (agent/probe/header_canary.h): every request
(on blocking sockets the first), the first of each connection, or none. The tests hold on each."""
import json
import re
import subprocess
import sys

import pytest

from harness import chain, peers
from harness.metrics_page import Page
from harness.net_namespaces import Namespaces, inside
from harness.parents import ENVIRONMENT, SOURCE, Judge
from harness.processes import PATIENCE, WORKLOADS, free_port, wait_until
from harness.tacit import BINARY, environment

pytestmark = pytest.mark.needs("go_chain")

CARRYING = {**ENVIRONMENT, "TACIT_TRACES_INJECT": "http", "TACIT_TRACES_INJECT_SERVICES": "client"}
LINE = re.compile(rb"(?P<request>[A-Z]+ [^ \r\n]+ HTTP/1\.1\r\n)"
                  rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01\r\n")
SETTLE_S = 0.7 * PATIENCE  # what the agent may take to know a program
EVERY, FIRST, NONE = "every", "first", "none"


@pytest.fixture(scope="module")
def reach():
    said = subprocess.run([BINARY, "doctor"], env=environment(None), capture_output=True, text=True,
                          timeout=60 * PATIENCE, stdin=subprocess.DEVNULL).stdout
    [line] = [line for line in said.splitlines() if "traceparent header" in line]
    if "every plain HTTP/1.1 request" in line:
        return EVERY
    return FIRST if "the first request of each connection" in line else NONE


class Wire:
    """A client on one host, observed; a server that keeps every byte on another with its agent."""

    def __init__(self, tacit, host, directory, inject=CARRYING, far=ENVIRONMENT):
        self.host, self.directory = host, directory
        self.namespaces = Namespaces()
        self.names = [self.namespaces.add(), self.namespaces.add()]
        self.address = self.namespaces.join(*self.names)[1]
        self.near = tacit.exec("--console", "json", env=inject)
        self.far = tacit.exec("--console", "json", env=far)

    def serve(self, name, *options):
        place = self.directory / name
        place.mkdir()
        server = peers.listening(self.far.start(
            *inside(self.names[1]), sys.executable, WORKLOADS / "stream_recorder.py", self.address,
            place, *options, env={"OTEL_SERVICE_NAME": "server"}))
        server.place = place
        return server

    def observed(self, *argv):
        """A moment late, when the agent knows the program and its trace."""
        return self.near.run(*inside(self.names[0]), "sh", "-c", f'sleep {SETTLE_S}; exec "$@"', "sh",
                             *argv, timeout=120, env={"OTEL_SERVICE_NAME": "client"})

    def unobserved(self, *argv):
        return self.host.run(*inside(self.names[0]), *argv, timeout=60)

    @staticmethod
    def streams(server, count):
        wait_until(lambda: len(list(server.place.glob("*.done"))) >= count, f"{count} streams")
        assert len(list(server.place.glob("*.bytes"))) == count
        return [(server.place / f"{number}.bytes").read_bytes() for number in range(count)]

    def spans(self):
        return [[span for span in agent.finish() if not span.is_program]
                for agent in (self.near, self.far)]


@pytest.fixture
def wire(tacit, host, tmp_path):
    made = []

    def make(**options):
        made.append(Wire(tacit, host, tmp_path, **options))
        return made[-1]
    yield make
    for each in made:
        each.near.close()
        each.far.close()
        each.namespaces.close()


def without_lines(stream):
    """The stream without what stands right behind a request line, and the (trace, span) ids there."""
    ids = [(line.group(2).decode(), line.group(3).decode()) for line in LINE.finditer(stream)]
    return LINE.sub(rb"\g<request>", stream), ids


def head(first, *lines):
    return "\r\n".join([f"{first} HTTP/1.1", "Host: a", *lines, "", ""])


def ask(text):
    return [["send", text], ["until", "ok"]]


GET = head("GET /x")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OWN = f"00-{TRACE}-{PARENT}-01"
# name: steps of the client, lines where the first request alone gets one, lines where each may.
SCRIPTS = {
    "get": (ask(GET), 1, 1),
    "kept": (ask(GET) * 5, 1, 5),
    "body in one send": (ask(head("POST /x", "Content-Length: 9") + "nine byte") + ask(GET), 1, 2),
    "large body": (ask(head("POST /x", "Content-Length: 300000") + "b" * 300_000) + ask(GET), 1, 2),
    "body in its own send": ([["send", head("POST /x", f"Content-Length: {len(GET)}")],
                              ["sleep", 0.02], *ask(GET), *ask(GET)], 1, 2),
    "head in two sends": ([["send", GET[:20]], ["sleep", 0.02], *ask(GET[20:]), *ask(GET)], 0, 0),
    "first byte alone": ([["send", "G"], ["sleep", 0.02], *ask(GET[1:]), *ask(GET)], 0, 0),
    "byte by byte": ([["trickle", GET], ["until", "ok"], *ask(GET)], 0, 0),
    "pipelined": ([["send", GET * 3], *[["until", "ok"]] * 3, *ask(GET)], 0, 0),
    "and a half": ([["send", GET + GET[:9]], ["until", "ok"], *ask(GET[9:])], 0, 0),
    "own header": (ask(head("GET /x", f"traceparent: {OWN}")) + ask(GET), 0, 1),
    "own Header": (ask(head("GET /x", f"TraceParent: {OWN}")) + ask(GET), 0, 1),
    "OWN HEADER": (ask(head("GET /x", f"TRACEPARENT:{OWN}", "X-Last: 1")) + ask(GET), 0, 1),
    "lower case": (ask("GET /x HTTP/1.1\r\nhost: a\r\naccept:*/*\r\n\r\n"), 1, 1),
    "upper case": (ask("PUT /x HTTP/1.1\r\nHOST: A\r\nCONTENT-LENGTH:2\r\n\r\nhi") + ask(GET), 1, 2),
    "expect": ([["send", head("POST /x", "Expect: 100-continue", "Content-Length: 4")],
                ["until", "Continue\r\n\r\n"], *ask("body"), *ask(GET)], 1, 1),
    "chunked": (ask(head("POST /x", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n") +
                ask(GET), 1, 1),
    "upgrade": ([["send", head("GET /x", "Connection: Upgrade", "Upgrade: websocket")],
                 ["until", "\r\n\r\n"], ["send", "\x81\x05hello"], ["send", GET]], 0, 0),
    "connect": ([["send", head("CONNECT a:1")], ["until", "\r\n\r\n"], ["send", GET]], 0, 0),
    "old version": (ask("GET /x HTTP/1.0\r\nHost: a\r\n\r\n"), 0, 0),
    "folded line": (ask("GET /x HTTP/1.1\r\nHost: a\r\nX-Long: a\r\n b\r\n\r\n") + ask(GET), 0, 0),
    "bare line feed": (ask("GET /x HTTP/1.1\nHost: a\r\n\r\n") + ask(GET), 0, 0),
    "blank in the target": (ask(head("GET /x y")), 0, 0),
    "two lengths": (ask(head("POST /x", "Content-Length: 2", "Content-Length: 2") + "hi"), 0, 0),
    "length and coding": (ask(head("POST /x", "Content-Length: 2", "Transfer-Encoding: chunked") +
                              "0\r\n\r\n"), 0, 0),
    "long head": (ask(head("GET /x", "X-Long: " + "l" * 5000)) + ask(GET), 0, 0),
    "nearly long head": (ask(head("GET /x", "X-Long: " + "l" * 3900)) + ask(GET), 1, 2),
    "empty line first": (ask("\r\n" + GET) + ask(GET), 0, 0),
    "binary": ([["send", bytes(range(256)).decode("latin-1")], ["send", GET]], 0, 0),
    "tls-like": ([["send", "\x16\x03\x01\x02\x00\x01"], ["send", GET]], 0, 0),
}


def own_bytes(steps):
    return "".join(text for verb, *arguments in steps if verb in ("send", "trickle")
                   for text in arguments).encode("latin-1")


def test_every_byte_is_the_clients_but_one_line(wire, reach):
    both = wire()
    server = both.serve("scripts")
    script = both.directory / "script"
    script.write_text(json.dumps([steps for steps, _, _ in SCRIPTS.values()]))
    both.observed(sys.executable, WORKLOADS / "raw_peer.py", "client",
                  f"{both.address}:{server.port}", f"@{script}")
    streams = both.streams(server, len(SCRIPTS))
    given = set()
    for (name, (steps, first, every)), stream in zip(SCRIPTS.items(), streams):
        plain, ids = without_lines(stream)
        assert plain == own_bytes(steps), name
        assert len(ids) == {EVERY: every, FIRST: first, NONE: 0}[reach], name
        assert len(ids) == len(set(ids)), name
        given |= set(ids)
    near, far = both.spans()
    # Each line names the call it was put into, and the receiver goes on from there.
    calls = {(span.trace_id, span.span_id): span for span in near if span.kind == "CLIENT"}
    assert given <= set(calls)
    served = {(span.trace_id, span.parent_span_id) for span in far if span[SOURCE] == "traceparent"}
    assert served - {(TRACE, PARENT)} == given
    # What the process itself sent is what its spans tell.
    sizes = sorted(span.request_bytes for span in calls.values() if span.request_bytes)
    assert sizes[-1] == 300_000 and sizes.count(9) == 1


def simple_client(kind, url, count):
    return [sys.executable, WORKLOADS / "simple_clients.py", kind, url, count]


CLIENTS = {
    "curl": lambda url: ["curl", "-sS", "--fail", "-A", "a", f"{url}/[1-20]", "-d", "data"],
    "http.client": lambda url: simple_client("http.client", url, 40),
    "urllib": lambda url: simple_client("urllib", url, 10),
    "requests": lambda url: simple_client("requests", url, 40),
    "kept": lambda url: simple_client("kept", url, 1000),
    "blocking": lambda url: simple_client("blocking", url, 100),
    "go": lambda url: [peers.program("go_chain"), "load", url, 50, 1, "g", "/fast"],
}


def requests_in(stream):
    return len(re.findall(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.1\r\n", stream))


def test_what_clients_send(wire, reach):
    """The same client twice: what it sends alone, and what arrives when a header is put in. All of
    them see how many bytes wait on their socket ("kept" looks, 1000 times)."""
    both = wire()
    server = both.serve("clients")
    url = server.url(both.address)
    expected, kinds = [], []
    for name, argv in CLIENTS.items():
        before = len(list(server.place.glob("*.bytes")))
        both.unobserved(*argv(url))
        alone = both.streams(server, len(list(server.place.glob("*.bytes"))))[before:]
        both.observed(*argv(url))
        seen = both.streams(server, before + 2 * len(alone))[before + len(alone):]
        kinds.append((name, len(seen)))
        for mine, theirs in zip(seen, alone):
            plain, ids = without_lines(mine)
            assert plain == theirs, name
            every = 1 if name == "blocking" else requests_in(theirs)
            count = {EVERY: every, FIRST: 1, NONE: 0}[reach]
            assert len(ids) == len(set(ids)) == count, name
            expected += ids
    assert dict(kinds)["urllib"] == 10 and dict(kinds)["kept"] == 1
    near, far = both.spans()
    assert set(expected) <= {(span.trace_id, span.span_id) for span in near}
    served = [span for span in far if span[SOURCE] == "traceparent"]
    assert sorted((span.trace_id, span.parent_span_id) for span in served) == sorted(expected)


def test_tls_is_left_alone(wire, host, tmp_path):
    both = wire()
    certificate = tmp_path / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", certificate,
                    "-out", tmp_path / "certificate.pem", "-days", "2", "-subj", "/CN=a"], check=True,
                   capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "certificate.pem").read_text())
    server = both.serve("tls", certificate)
    both.observed("curl", "-sSk", "--fail", "-A", "a", "-d", "data",
                  server.url(both.address).replace("http:", "https:") + "/[1-3]")
    [stream] = both.streams(server, 1)
    assert b"traceparent" not in stream
    plain = (server.place / "0.plain").read_bytes()
    assert (requests_in(plain), plain.count(b"traceparent"), plain.count(b"\r\n\r\ndata")) == (3, 0, 3)


def test_the_log_says_once_what_is_not_carried(wire, reach):
    both = wire()
    both.near.finish()
    said = [line for line in both.near.output.log().splitlines() if "traceparent" in line]
    assert len(said) == {EVERY: 0, FIRST: 1, NONE: 1}[reach], said
    if reach == FIRST:
        assert "FIONREAD" in said[0] and "traces.inject: all" in said[0]
    if reach == NONE:
        assert "traces.inject: tcp" in said[0]


def test_services_that_are_not_named_get_no_header(wire):
    both = wire(inject={**CARRYING, "TACIT_TRACES_INJECT_SERVICES": "another"})
    server = both.serve("none")
    both.observed("curl", "-sS", "--fail", f"{server.url(both.address)}/[1-3]")
    [stream] = both.streams(server, 1)
    assert (requests_in(stream), stream.count(b"traceparent")) == (3, 0)


def test_both_ways_at_once(wire, reach):
    """The header for whoever reads it, the option for the requests that got none."""
    both = wire(inject={**CARRYING, "TACIT_TRACES_INJECT": "all"},
                far={**CARRYING, "TACIT_TRACES_INJECT": "tcp",
                     "TACIT_TRACES_INJECT_SERVICES": "server"})
    server = both.serve("both")
    both.observed(*simple_client("kept", server.url(both.address), 30))
    near, far = both.spans()
    headers = {EVERY: 30, FIRST: 1, NONE: 0}[reach]
    sources = [span[SOURCE] for span in sorted(far, key=lambda span: span.start_ns)]
    assert sources == ["traceparent"] * headers + ["tcp_option"] * (30 - headers)
    calls = {span.span_id: span.path for span in near}
    assert {calls[span.parent_span_id] for span in far} == {span.path for span in far}
    assert all(calls[span.parent_span_id] == span.path for span in far)


def test_both_ends_here_join_as_before(tacit):
    """One agent at both ends: what was put in leaves no hole in the client's stream, and every
    request still finds its other end by position, those behind a line too."""
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}",
                       env={**CARRYING, "TACIT_TRACES_INJECT_SERVICES": "load"})
    service = chain.backend(agent)
    agent.run("sh", "-c", f'sleep {SETTLE_S}; exec "$@"', "sh", peers.program("go_chain"), "load",
              service.url(), 300, 10, "j", "/fast,/slow,/fast", env={"OTEL_SERVICE_NAME": "load"})
    page = Page(port).until("tacit_spans_total", 600)
    assert page.total("tacit_parser_total", result="gap") == 0
    agent.finish()
    tally = Judge(agent.output.all_spans()).joins(tokens=[f"j-{i}" for i in range(300)])
    assert (tally.right, tally.wrong, set(tally.sources)) == (300, 0, {"socket"}), tally.shown()
