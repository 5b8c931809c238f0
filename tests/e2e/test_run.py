# SPDX-License-Identifier: Apache-2.0
"""tacit run: what the selectors match is seen, whether it started before or after; nothing else."""
import os
import shutil
import subprocess
import sys

import pytest

from harness import peers
from harness.oracle import check
from harness.processes import WORKLOADS, free_port, wait_until
from harness.tacit import BINARY, environment

LOAD = dict(library="http.client", requests=50, concurrency=4)


def two_services(host):
    return peers.uvicorn(host), peers.threading_server(host)


def selectable_services(host, selector, place):
    """Starts two services that the selector can tell apart; the first is the one to select."""
    if selector == "--exe":
        programs = [place / "first-peer", place / "second-peer"]
        for program in programs:
            shutil.copy(peers.program("go_peer"), program)
        return [peers.listening(host.start(program, "server")) for program in programs]
    if selector == "--cmd":
        folders = [place / "first", place / "second"]
        for folder in folders:
            folder.symlink_to(WORKLOADS)
        return [peers.listening(host.start(sys.executable, folder / "threading_server.py"))
                for folder in folders]
    return two_services(host)


def value_of(selector, service, place):
    return {"--exe": f"{place}/first-p*", "--cmd": f"*{place}/first/*",
            "--port": service and service.port, "--pid": service and service.pid}[selector]


def check_first_alone(host, agent, first, second):
    """Both under the same load. The client is not selected: SERVER spans of the first, no more."""
    peers.http_client(host, second, prefix="second", **LOAD)
    peers.http_client(host, first, prefix="first", **LOAD)
    spans = agent.finish()
    assert len(spans) == 50
    check(spans, first)
    assert len(second.requests()) == 50


@pytest.mark.needs("go_peer")
@pytest.mark.parametrize("selector", ["--port", "--pid", "--exe", "--cmd"])
def test_services_older_than_the_agent(tacit, host, tmp_path, selector):
    first, second = selectable_services(host, selector, tmp_path)
    agent = tacit.run(selector, value_of(selector, first, tmp_path), "--console", "json")
    check_first_alone(host, agent, first, second)


@pytest.mark.needs("go_peer")
@pytest.mark.parametrize("selector", ["--exe", "--cmd"])
def test_services_younger_than_the_agent(tacit, host, tmp_path, selector):
    agent = tacit.run(selector, value_of(selector, None, tmp_path), "--console", "json")
    first, second = selectable_services(host, selector, tmp_path)
    check_first_alone(host, agent, first, second)


def test_port_that_is_taken_later(tacit, host):
    port = free_port()
    agent = tacit.run("--port", port, "--console", "json")
    first = peers.listening(host.python("threading_server.py", "--port", port))
    check_first_alone(host, agent, first, peers.threading_server(host))


def test_descendants_of_a_pid(tacit, host):
    """gunicorn's master is selected: workers it made before and after are observed."""
    service = peers.gunicorn(host, workers=2)
    agent = tacit.run("--pid", service.pid, "--console", "json")
    peers.http_client(host, service, prefix="a", **LOAD)
    workers = {line["pid"] for line in service.requests()}
    for pid in workers:
        os.kill(pid, 15)  # the master starts others
    def children():
        with open(f"/proc/{service.pid}/task/{service.pid}/children") as file:
            return set(map(int, file.read().split()))
    wait_until(lambda: len(children() - workers) >= 2, "new workers")
    peers.http_client(host, service, prefix="b", **LOAD)
    spans = agent.finish()
    assert len(spans) == 100
    check(spans, service)


def test_client_selected(tacit, host):
    """The client alone is selected: CLIENT spans only."""
    service = peers.threading_server(host)
    agent = tacit.run("--cmd", "*http_client.py*selected-by-prefix*", "--console", "json")
    peers.http_client(host, service, prefix="unselected", **LOAD)
    client = peers.http_client(host, service, prefix="selected-by-prefix", **LOAD)
    spans = agent.finish()
    assert len(spans) == 50
    check(spans, client)


def test_two_selectors(tacit, host):
    one, two, three = [peers.threading_server(host) for _ in range(3)]
    agent = tacit.run("--port", one.port, "--port", two.port, "--console", "json")
    for service in (one, two, three):
        peers.http_client(host, service, prefix=f"p{service.port}", **LOAD)
    spans = agent.finish()
    assert len(spans) == 100
    check(spans, one, two)


def test_no_selector_is_said():
    result = subprocess.run([BINARY, "run"], env=environment(None), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20)
    assert result.returncode != 0
    assert "selector" in result.stderr
    assert result.stdout == ""


def test_settings_from_a_file(tacit, host, tmp_path):
    """The YAML file's selectors, with a service name each."""
    one, two = two_services(host)
    file = tmp_path / "tacit.yaml"
    file.write_text(f"selectors:\n  - name: first\n    port: {one.port}\n"
                    f"  - name: second\n    port: {two.port}\nexport:\n  console: json\n")
    agent = tacit.run("--config", file)
    for service in (one, two):
        peers.http_client(host, service, prefix=f"p{service.port}", **LOAD)
    spans = agent.finish()
    assert len(spans) == 100
    check(spans, one, two)
    assert {(span.service, span.server_port) for span in spans} == {
        ("first", one.port), ("second", two.port)}


def test_unknown_key_in_a_file(tmp_path):
    file = tmp_path / "tacit.yaml"
    file.write_text("http:\n  query: drop\n  querry: redact\n")
    result = subprocess.run([BINARY, "run", "--config", file], env=environment(None),
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert result.returncode != 0
    assert "querry" in result.stderr and "3" in result.stderr and "query" in result.stderr
