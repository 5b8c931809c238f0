# SPDX-License-Identifier: Apache-2.0
"""service.name: what a person would call the service, without being told."""
import shutil
import sys

import pytest

from harness import peers
from harness.processes import WORKLOADS


def names(agent, service, **load):
    peers.http_client(agent, service, library="http.client", requests=2, **load)
    return {span.service for span in agent.finish() if span.kind == "SERVER"}


def test_python_script(agent):
    assert names(agent, peers.threading_server(agent)) == {"threading_server"}


def test_python_module(agent):
    """uvicorn from the command line: the application's module."""
    port = peers.free_port()
    agent.start(sys.executable, "-m", "uvicorn", "asgi_app:app", "--port", port, "--log-level",
                "warning")
    peers.wait_until(lambda: port in peers.listening_ports(), "uvicorn")
    agent.run_python("http_client.py", "--url", f"http://127.0.0.1:{port}", "--requests", 1)
    assert {span.service for span in agent.finish() if span.kind == "SERVER"} == {"asgi_app"}


def test_gunicorn(agent):
    assert names(agent, peers.gunicorn(agent)) == {"flask_app"}


@pytest.mark.needs("node")
def test_node_package(agent, tmp_path):
    """Node takes the name from package.json."""
    place = tmp_path / "package"
    place.mkdir()
    shutil.copy(WORKLOADS / "node_peer.js", place / "server.js")
    (place / "package.json").write_text('{"name": "order-service", "version": "1.0.0"}')
    service = peers.listening(agent.start("node", "server.js", "server", cwd=place))
    assert names(agent, service) == {"order-service"}


@pytest.mark.needs("node")
def test_node_script(agent, tmp_path):
    place = tmp_path / "plain"
    place.mkdir()
    shutil.copy(WORKLOADS / "node_peer.js", place / "billing.js")
    service = peers.listening(agent.start("node", place / "billing.js", "server"))
    assert names(agent, service) == {"billing"}


@pytest.mark.needs("go_peer")
def test_executable(agent, tmp_path):
    program = tmp_path / "inventory"
    shutil.copy(peers.program("go_peer"), program)
    assert names(agent, peers.listening(agent.start(program, "server"))) == {"inventory"}


def test_own_variable_wins(agent):
    service = peers.threading_server(agent, env={"OTEL_SERVICE_NAME": "told"})
    assert names(agent, service) == {"told"}


def test_own_resource_attributes(agent):
    service = peers.threading_server(agent, env={
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=from-attributes,team=blue"})
    peers.http_client(agent, service, library="http.client", requests=1)
    span = next(span for span in agent.finish() if span.kind == "SERVER")
    assert (span.service, span.resource["team"]) == ("from-attributes", "blue")


def test_option_wins_over_all(tacit):
    agent = tacit.exec("--console", "json", "--service-name", "the-one")
    service = peers.threading_server(agent, env={"OTEL_SERVICE_NAME": "told"})
    peers.http_client(agent, service, library="http.client", requests=1)
    assert {span.service for span in agent.finish()} == {"the-one"}
