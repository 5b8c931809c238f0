# SPDX-License-Identifier: Apache-2.0
"""Both ends of a connection on one host: the SERVER span's parent is the CLIENT span of the same
exchange, with no header's help. Tokens tell which belong together (harness/parents.py)."""
import pytest

from harness import chain, peers
from harness.net_namespaces import Namespaces, inside
from harness.parents import ENVIRONMENT, Judge

pytestmark = pytest.mark.needs("go_chain")


@pytest.fixture
def agent(tacit):
    return tacit.exec("--console", "json", env=ENVIRONMENT)


@pytest.fixture
def namespaces():
    made = Namespaces()
    yield made
    made.close()


def tokens(prefix, count):
    return [f"{prefix}-{i}" for i in range(count)]


def load(agent, where, requests, concurrency, prefix, within=()):
    """Observed itself. Every seventh request has a connection of its own."""
    return agent.run(*within, peers.program("go_chain"), "load", where, requests, concurrency, prefix,
                     "/fast,/slow,/fast")


def expect_all(agent, wanted):
    agent.finish()
    spans = agent.output.all_spans()
    tally = Judge(spans).joins(tokens=wanted)
    assert (tally.right, tally.wrong) == (len(wanted), 0), tally.shown()
    assert set(tally.sources) == {"socket"}
    return spans


@pytest.mark.parametrize("concurrency", [1, 20, 100])
def test_kept_and_fresh_connections(agent, concurrency):
    service = chain.backend(agent)
    load(agent, service.url(), 600, concurrency, "k")
    expect_all(agent, tokens("k", 600))


@pytest.mark.parametrize("concurrency", [1, 20, 100])
def test_unix_sockets(agent, concurrency):
    service = chain.backend(agent, uds=True)
    load(agent, f"unix:{service.uds}", 600, concurrency, "u")
    expect_all(agent, tokens("u", 600))


def request_of(token, method="GET", length=None):
    size = f"Content-Length: {length}\r\n" if length is not None else ""
    return f"{method} /fast HTTP/1.1\r\nHost: a\r\nX-Token: {token}\r\n{size}\r\n"


@pytest.mark.parametrize("together", [True, False])
def test_pipelining(agent, together):
    """Twenty requests leave before the first answer is read, on each of five connections."""
    service = chain.backend(agent)
    wanted = [tokens(f"p{n}", 20) for n in range(5)]
    scripts = [[["send", "".join(map(request_of, names))]] if together else
               [["send", request_of(name)] for name in names] for names in wanted]
    reports = peers.raw_client(agent, service, *(
        [*script, ["until", f"done {names[-1]}"]] for script, names in zip(scripts, wanted)))
    assert [report.get("error") for report in reports] == [None] * 5
    expect_all(agent, sum(wanted, []))


@pytest.mark.parametrize("size", [1, 70_000, 3_000_000])
def test_bodies_between_requests(agent, size):
    """Positions in the stream count what the agent does not copy."""
    service = chain.backend(agent)
    names = tokens("b", 10)
    steps = []
    for name in names:
        steps += [["send", request_of(name, "POST", size)], ["fill", size], ["until", f"done {name}"]]
    reports = peers.raw_client(agent, service, steps)
    assert [report.get("error") for report in reports] == [None]
    expect_all(agent, names)


def test_two_namespaces(agent, namespaces):
    """As between two containers of one host."""
    first, second = namespaces.add(), namespaces.add()
    address, _ = namespaces.join(first, second)
    service = chain.backend(agent, within=inside(first), env={"LISTEN": f"{address}:0"})
    load(agent, service.url(address), 300, 20, "n", inside(second))
    expect_all(agent, tokens("n", 300))


def test_same_addresses_in_two_namespaces(agent, namespaces):
    """Loopback, server port and client ports are the same in both: only the namespaces differ."""
    wanted = []
    names = [namespaces.add(), namespaces.add()]
    clients = []
    for name in names:
        namespaces.limit_ports(name, 40000, 40031)
        chain.backend(agent, within=inside(name), env={"LISTEN": "127.0.0.1:8080"})
        clients.append(agent.start(*inside(name), peers.program("go_chain"), "load",
                                   "http://127.0.0.1:8080", 300, 10, name, "/fast,/slow"))
        wanted += tokens(name, 300)
    assert [client.wait() for client in clients] == [0, 0], clients[0].stderr()
    agent.finish()
    tally = Judge(agent.output.all_spans()).joins(tokens=wanted)
    assert tally.wrong == 0, tally.shown()
    assert tally.recall >= 0.999, tally.shown()


def test_ports_are_used_again(agent, namespaces):
    """Forty client ports for 600 connections, one after another."""
    name = namespaces.add()
    namespaces.limit_ports(name, 40000, 40039)
    chain.backend(agent, within=inside(name), env={"LISTEN": "127.0.0.1:8080"})
    agent.run(*inside(name), peers.program("go_chain"), "load", "http://127.0.0.1:8080", 600, 5, "r",
              "/fast", env={"CLOSE": "1"})
    expect_all(agent, tokens("r", 600))
