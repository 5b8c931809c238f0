# SPDX-License-Identifier: Apache-2.0
"""Two hosts, an agent on each: a request takes its trace along in a TCP option, and the trace goes
on at the other side. Two network namespaces stand for the hosts."""
import collections
import hashlib
import json
import pathlib
import subprocess
import sys

import pytest

from harness import chain, peers
from harness.net_namespaces import Namespaces, inside
from harness.parents import ENVIRONMENT, SOURCE, Judge, token_of
from harness.processes import WORKLOADS

pytestmark = pytest.mark.needs("go_chain")

CARRYING = {**ENVIRONMENT, "TACIT_TRACES_INJECT": "tcp",
            "TACIT_TRACES_INJECT_SERVICES": "backend,front,load"}


class Hosts:
    """Agent and namespace of each, and the far one's address."""

    def __init__(self, tacit, near, far):
        self.namespaces = Namespaces()
        self.names = [self.namespaces.add(), self.namespaces.add()]
        self.address = self.namespaces.join(*self.names)[1]
        self.near, self.far = (tacit.exec("--console", "json", env=env) for env in (near, far))

    def far_backend(self):
        return chain.backend(self.far, within=inside(self.names[1]),
                             env={"LISTEN": f"{self.address}:0", "OTEL_SERVICE_NAME": "backend"})

    def near_service(self, backend, *argv):
        url = backend.url(self.address)
        return peers.listening(self.near.start(
            *inside(self.names[0]), *[url if a == "NEXT" else a for a in argv],
            env={"NEXT_URL": url, "OTEL_SERVICE_NAME": "front"}))

    def near_program(self, *argv):
        """Observed. The agent knows a program's name and trace a moment after its start; what is
        sent before that takes nothing along."""
        self.near.run(*inside(self.names[0]), "sh", "-c", 'sleep 0.7; exec "$@"', "sh", *argv,
                      timeout=60, env={"OTEL_SERVICE_NAME": "load"})

    def load(self, service, path, requests, concurrency, prefix):
        self.near_program(peers.program("go_chain"), "load", service, requests, concurrency, prefix,
                          path)

    def spans(self):
        self.near.finish()
        self.far.finish()
        return self.near.output.all_spans(), self.far.output.all_spans()


@pytest.fixture
def hosts(tacit):
    made = []

    def make(near=CARRYING, far=CARRYING):
        made.append(Hosts(tacit, near, far))
        return made[-1]
    yield make
    for each in made:
        each.near.close()
        each.far.close()
        each.namespaces.close()


def requests(spans):
    return [span for span in spans if not span.is_program]


SERVICES = {
    "go": (peers.program("go_chain"), "serve", "NEXT"),
    "threads": (sys.executable, WORKLOADS / "thread_chain.py"),
    "asyncio": (sys.executable, WORKLOADS / "async_chain.py", "--loop", "asyncio", "--http", "h11"),
    "uvloop": (sys.executable, WORKLOADS / "async_chain.py", "--loop", "uvloop", "--http", "h11"),
}


@pytest.mark.parametrize("concurrency", [1, 20])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_calls_another_host(hosts, service, concurrency):
    """load → service | other host | → backend: one trace for each request, all parents right."""
    both = hosts()
    backend = both.far_backend()
    front = both.near_service(backend, *SERVICES[service])
    both.load(front.url(), "/seq", 100, concurrency, "c")
    near, far = both.spans()
    arrived = {token_of(span) for span in far if span.kind == "SERVER"}
    assert arrived == {f"c-{i}.{call}" for i in range(100) for call in (0, 1)}
    tally = Judge(near + far).joins(tokens=sorted(arrived))
    assert tally.wrong == 0, tally.shown()
    assert (tally.right, set(tally.sources)) == (200, {"tcp_option"}), tally.shown()
    # Each call is still its own request's: what is carried costs no parent within the service.
    calls = Judge(near + far, front.requests()).calls("c")
    assert (calls.right, calls.wrong) == (200, 0), calls.shown()
    [program] = [span for span in near if span.is_program and span.service == "load"]
    assert {span.trace_id for span in requests(near + far)} == {program.trace_id}


def test_a_program_calls_another_host(hosts):
    """The command line's own trace goes along, over fresh and kept connections."""
    both = hosts()
    backend = both.far_backend()
    both.load(backend.url(both.address), "/fast", 70, 5, "p")
    near, far = both.spans()
    tally = Judge(near + far).joins(tokens=[f"p-{i}" for i in range(70)])
    assert (tally.right, tally.wrong, set(tally.sources)) == (70, 0, {"tcp_option"}), tally.shown()
    [program] = [span for span in near if span.is_program and span.service == "load"]
    assert {span.trace_id for span in requests(near + far)} == {program.trace_id}


@pytest.mark.parametrize("near, far", [(CARRYING, ENVIRONMENT), (ENVIRONMENT, CARRYING),
                                       (ENVIRONMENT, ENVIRONMENT)])
def test_nothing_is_carried_where_one_does_not_want_it(hosts, near, far):
    both = hosts(near, far)
    backend = both.far_backend()
    both.load(backend.url(both.address), "/fast", 20, 2, "n")
    here, there = both.spans()
    served = [span for span in there if span.kind == "SERVER"]
    assert len(served) == 20
    assert {(span.parent_span_id, span[SOURCE]) for span in served} == {("", None)}


def test_the_commands_cgroup_goes_with_it(tacit):
    def cgroups():
        return set(pathlib.Path("/sys/fs/cgroup").rglob("tacit-*"))
    before = cgroups()
    agent = tacit.exec("--console", "json", env=CARRYING)
    agent.start("sleep", "20")
    assert len(cgroups() - before) == 1
    agent.finish()
    assert cgroups() <= before


def test_services_that_are_not_named_carry_nothing(hosts):
    both = hosts(near={**CARRYING, "TACIT_TRACES_INJECT_SERVICES": "another"})
    backend = both.far_backend()
    both.load(backend.url(both.address), "/fast", 20, 2, "n")
    _, there = both.spans()
    served = [span for span in there if span.kind == "SERVER"]
    assert len(served) == 20
    assert {span.parent_span_id for span in served} == {""}


def from_outside(host, both, front, count, concurrency):
    """Requests of a client that nobody observes."""
    host.run(*inside(both.names[0]), peers.program("go_chain"), "load", front.url(), count,
             concurrency, "o", "/seq", timeout=60)


@pytest.mark.parametrize("service", ["go", "threads", "asyncio"])
def test_traces_that_begin_at_the_service(hosts, host, service):
    """Nobody is before it: each request begins a trace, and its calls take that one along."""
    both = hosts()
    backend = both.far_backend()
    front = both.near_service(backend, *SERVICES[service])
    from_outside(host, both, front, 100, 10)
    near, far = both.spans()
    tally = Judge(near + far).joins(tokens=[f"o-{i}.{call}" for i in range(100) for call in (0, 1)])
    assert (tally.right, tally.wrong, set(tally.sources)) == (200, 0, {"tcp_option"}), tally.shown()
    calls = Judge(near + far, front.requests()).calls("o")
    assert (calls.right, calls.wrong) == (200, 0), calls.shown()
    assert len({span.trace_id for span in near if span.kind == "SERVER"}) == 100


def test_a_trace_is_kept_whole_or_dropped_whole(hosts, host):
    """The near service decides by the trace's id; the far one does as it did."""
    both = hosts(near={**CARRYING, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                       "OTEL_TRACES_SAMPLER_ARG": "0.5"})
    backend = both.far_backend()
    front = both.near_service(backend, *SERVICES["go"])
    from_outside(host, both, front, 100, 5)
    near, far = both.spans()
    kept = {token_of(span) for span in near if span.kind == "SERVER"}
    assert 10 < len(kept) < 90
    assert ({token_of(span) for span in far if span.kind == "SERVER"} ==
            {f"{token}.{call}" for token in kept for call in (0, 1)})


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("sampled", [1, 0])
@pytest.mark.parametrize("name", ["traceparent", "TraceParent"])
def test_a_header_goes_on_as_an_option(hosts, host, name, sampled):
    both = hosts()
    backend = both.far_backend()
    front = both.near_service(backend, *SERVICES["threads"])
    request = (f"GET /seq HTTP/1.1\r\nHost: a\r\nX-Token: h\r\n"
               f"{name}: 00-{TRACE}-{PARENT}-0{sampled}\r\n\r\n")
    host.run(*inside(both.names[0]), sys.executable, WORKLOADS / "raw_peer.py", "client", front.port,
             json.dumps([[["send", request], ["until", "ok"]]]))
    near, far = (requests(spans) for spans in both.spans())
    assert (len(near), len(far)) == ((3, 2) if sampled else (0, 0))
    assert {span.trace_id for span in near + far} == ({TRACE} if sampled else set())
    if sampled:
        tally = Judge(near + far).joins(tokens=["h.0", "h.1"])
        assert (tally.right, tally.wrong, set(tally.sources)) == (2, 0, {"tcp_option"}), tally.shown()


def head(method="GET", *lines):
    return "\r\n".join([f"{method} /x HTTP/1.1", "Host: a", *lines, "", ""]).encode()


STREAMS = {
    "kept": [head()] * 5,
    "pipelined": [head() * 7],
    "bodies": [head("POST", "Content-Length: 70000") + b"b" * 70000,
               head("PUT", "Content-Length: 9"), b"GET / HTT", head()],
    "split": [b"G", b"ET /x HTTP/1.1\r\nHo", b"st: a\r\n\r", b"\n", head()],
    "own header": [head("GET", f"traceparent: 00-{TRACE}-{PARENT}-01")],
    "long head": [head("GET", "X-Long: " + "l" * 100_000)],
    "tls": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
            b"\x17\x03\x03" + bytes(range(256))],
    "upgraded": [head("GET", "Connection: Upgrade", "Upgrade: websocket"), b"\x81\x05hello", head()],
    "no http": [b"GET without a version\r\n", bytes(range(256)) * 1000],
}


def test_no_byte_of_a_stream_changes(hosts, tmp_path):
    """Whatever is sent, in segments that are full as well: the path takes no longer ones, and
    nothing puts packets together."""
    both = hosts()
    for name in both.names:
        for link in json.loads(subprocess.run(["ip", "-n", name, "-j", "link", "show", "type", "veth"],
                                              check=True, capture_output=True).stdout):
            subprocess.run(["ip", "-n", name, "link", "set", link["ifname"], "gso_max_segs", "1"],
                           check=True)
    server = peers.listening(both.far.start(
        *inside(both.names[1]), sys.executable, WORKLOADS / "byte_recorder.py", "server",
        both.address, len(STREAMS), env={"OTEL_SERVICE_NAME": "backend"}))
    for name, pieces in STREAMS.items():
        (tmp_path / name).write_text("\n".join(piece.hex() for piece in pieces))
        both.near_program(sys.executable, WORKLOADS / "byte_recorder.py", "client", both.address,
                          server.port, tmp_path / name)
    server.wait()
    whole = [b"".join(pieces) for pieces in STREAMS.values()]
    assert server.stdout().splitlines()[1:] == [
        f"{len(stream)} {hashlib.sha256(stream).hexdigest()}" for stream in whole]
    _, far = both.spans()
    served = [span for span in far if span.kind == "SERVER"]
    # With an option: each request that begins a send. Without: the others of the pipeline, and the
    # one in pieces. With its own header: one.
    assert collections.Counter(span[SOURCE] for span in served) == {
        "tcp_option": 12, None: 7, "traceparent": 1}
