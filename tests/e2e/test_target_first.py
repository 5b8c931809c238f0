# SPDX-License-Identifier: Apache-2.0
"""The target comes first: with the agent on, off, started or killed in mid-load, each byte that a
client gets is the same, and nothing stays attached."""
import json
import os
import subprocess
import time

import pytest

from harness import bpf_state, peers
from harness.metrics_page import Page
from harness.oracle import check
from harness.processes import free_port, listening_ports, wait_until
from harness.tacit import BINARY, environment

LOAD = dict(library="http.client", requests=1500, concurrency=8, prefix="same")
KINDS = {"uvicorn": peers.uvicorn, "threading-server": peers.threading_server,
         "gunicorn": peers.gunicorn}


def start_load(host, service):
    options = [part for name, value in LOAD.items() for part in (f"--{name}", value)]
    return host.python("http_client.py", "--url", service.url(), *options)


def result(client):
    assert client.wait(60) == 0, client.stderr()
    return client.stdout()


def in_mid_load(service):
    wait_until(lambda: len(service.requests()) > 200, "the load to be under way")
    assert len(service.requests()) < 1200, "the load is over too soon to be disturbed"


@pytest.mark.parametrize("kind", KINDS)
def test_same_bytes(tacit, host, kind):
    without = result(start_load(host, KINDS[kind](host)))

    service = KINDS[kind](host)
    agent = tacit.run("--pid", service.pid, "--console", "json")
    assert result(start_load(host, service)) == without
    spans = agent.finish()
    assert len(spans) == LOAD["requests"]
    check(spans, service)

    service = KINDS[kind](host)
    client = start_load(host, service)
    in_mid_load(service)
    agent = tacit.run("--pid", service.pid, "--console", "json")
    assert result(client) == without
    agent.finish()

    service = KINDS[kind](host)
    agent = tacit.run("--pid", service.pid, "--console", "json")
    client = start_load(host, service)
    in_mid_load(service)
    agent.kill()
    assert result(client) == without


def test_exec_gives_the_same_bytes(tacit, host):
    without = result(start_load(host, peers.threading_server(host)))
    agent = tacit.exec("--console", "off", "--prometheus=127.0.0.1:0")
    service = peers.threading_server(agent)
    client = start_load(agent, service)
    assert result(client) == without
    agent.finish()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_nothing_stays_attached(tacit, host, how):
    service = peers.threading_server(host)
    agent = tacit.run("--pid", service.pid, "--console", "json")
    mine = bpf_state.of_process(agent.agent.pid)
    assert {kind for kind, _ in mine} == {"prog", "map", "link"}
    client = start_load(host, service)
    in_mid_load(service)
    if how == "stopped":
        agent.finish()
    else:
        agent.kill()
    # The kernel lets go of programs and maps a moment after their last user.
    wait_until(lambda: not mine & bpf_state.held(), f"nothing of {sorted(mine)} to be left")
    result(client)


def test_exec_killed_leaves_the_command_running(tacit):
    """SIGKILL to the agent: the command and its services go on, and nothing stays attached."""
    agent = tacit.exec("--console", "json")
    service = peers.threading_server(agent)
    mine = bpf_state.of_process(agent.agent.pid)
    assert {kind for kind, _ in mine} == {"prog", "map", "link"}
    client = start_load(agent, service)
    in_mid_load(service)
    agent.agent.kill()
    agent.agent.wait()
    wait_until(lambda: not mine & bpf_state.held(), f"nothing of {sorted(mine)} to be left")
    assert result(client).startswith("replies ")
    agent.agent.stdin.close()
    agent.agent.stdout.close()
    wait_until(lambda: service.port not in listening_ports(), "the service's end")


def test_unread_page_and_full_pipe_do_not_stall_the_target(tacit, host, tmp_path):
    """Nobody reads the agent's standard error: the target's bytes still flow, and what the console
    could not take is counted."""
    service = peers.threading_server(host)
    port = free_port()
    read_end, write_end = os.pipe()
    agent = subprocess.Popen([BINARY, "run", "--pid", str(service.pid), "--console", "json",
                              f"--prometheus=127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=write_end,
                             env=environment({"TACIT_EXPORT_QUEUE_SPANS": "100"}))
    os.close(write_end)
    try:
        page = Page(port)

        def up():
            try:
                return page.read()
            except OSError:
                return None
        wait_until(up, "the metrics page")
        time.sleep(0.5)
        result(start_load(host, service))
        page.until("http_server_request_duration_seconds_count", 1500)
        # Spans leave once nobody's call to the service can turn up any more.
        page.until("tacit_parents_total", 1500, kind="server")
        wait_until(lambda: page.read().total("tacit_held_spans") == 0, "all spans")
        time.sleep(0.3)  # figures are at most 200 ms old
        dropped = page.read().total("tacit_exporter_dropped_total", destination="console")
        os.set_blocking(read_end, False)
        agent.terminate()
        text = b""
        deadline = time.monotonic() + 20
        while agent.poll() is None and time.monotonic() < deadline:
            try:
                text += os.read(read_end, 1 << 16)
            except BlockingIOError:
                time.sleep(0.01)
        os.set_blocking(read_end, True)
        while piece := os.read(read_end, 1 << 16):
            text += piece
        lines = [line for line in text.split(b"\n") if line.startswith(b"{")]
        for line in lines:
            json.loads(line)
        # Every span is accounted for: printed, or dropped and counted.
        assert dropped > 0
        assert len(lines) + dropped == LOAD["requests"]
        assert agent.returncode == 0
    finally:
        if agent.poll() is None:
            agent.kill()
        agent.wait()
        os.close(read_end)
