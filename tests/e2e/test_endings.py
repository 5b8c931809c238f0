# SPDX-License-Identifier: Apache-2.0
"""Exchanges that do not end well: aborts, resets, silence. What was not seen is not invented."""
import json
import os

from harness import oracle, peers
from harness.oracle import check, client, server
from harness.processes import wait_until

ASK = "GET /items/x HTTP/1.1\r\nHost: raw\r\n\r\n"


def test_no_answer_at_all(agent):
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["close"]])
    peers.raw_client(agent, service, [["send", ASK], ["eof"]])
    service.wait()
    check(agent.finish(), expected=[
        client("GET", "/items/x", status=None, response_bytes=None, error_type="no_response",
               outcome="no_response", status_code="ERROR", server_port=service.port),
        server("GET", "/items/x", status=None, response_bytes=None, error_type="no_response",
               outcome="no_response", status_code="ERROR", server_port=service.port)])


def test_server_reset_before_its_answer(agent):
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["reset"]])
    report, = peers.raw_client(agent, service, [["send", ASK], ["eof"]])
    assert report["error"] == "ECONNRESET"
    service.wait()
    check(agent.finish(), expected=[
        client("GET", "/items/x", status=None, error_type="ECONNRESET", outcome="reset",
               status_code="ERROR", server_port=service.port),
        server("GET", "/items/x", status=None, error_type="no_response", outcome="no_response",
               status_code="ERROR")])


def test_server_reset_in_mid_response(agent):
    service = peers.raw_server(agent, [
        ["until", "\r\n\r\n"], ["send", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart"],
        ["sleep", 0.3], ["reset"]])
    report, = peers.raw_client(agent, service, [["send", ASK], ["read", 42], ["eof"]])
    assert report["error"] == "ECONNRESET"
    service.wait()
    check(agent.finish(), expected=[
        client("GET", "/items/x", status=200, response_bytes=4, error_type="ECONNRESET",
               outcome="reset", status_code="ERROR"),
        server("GET", "/items/x", status=200, response_bytes=4, error_type="truncated",
               outcome="truncated", status_code="ERROR")])


def test_server_closes_in_mid_response(agent):
    service = peers.raw_server(agent, [
        ["until", "\r\n\r\n"], ["send", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart"],
        ["close"]])
    peers.raw_client(agent, service, [["send", ASK], ["eof"]])
    service.wait()
    check(agent.finish(), expected=[
        make("GET", "/items/x", status=200, response_bytes=4, error_type="truncated",
             outcome="truncated", status_code="ERROR") for make in (client, server)])


def test_client_aborts_in_mid_response(agent):
    """The client leaves with unread bytes, so the server meets a reset while it sends."""
    service = peers.raw_server(agent, [
        ["until", "\r\n\r\n"], ["send", "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"],
        ["fill", 50_000_000], ["eof"]])
    peers.raw_client(agent, service, [["send", ASK], ["read", 100], ["reset"]])
    report, = peers.raw_reports(service)
    assert report["error"] in ("ECONNRESET", "EPIPE")
    spans = agent.finish()
    check(spans, expected=[
        client("GET", "/items/x", status=200, outcome="truncated", error_type="truncated",
               status_code="ERROR"),
        server("GET", "/items/x", status=200, outcome="client_aborted",
               error_type="client_aborted", status_code="ERROR")])
    sent = next(span.response_bytes for span in spans if span.kind == "SERVER")
    assert 0 < sent < 50_000_000


def test_client_leaves_before_the_answer(agent):
    """The client closes in order while the server still works."""
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["eof"], ["close"]])
    peers.raw_client(agent, service, [["send", ASK], ["sleep", 0.1], ["close"]])
    service.wait()
    spans = agent.finish()
    check(spans, expected=[
        client("GET", "/items/x", status=None, outcome="no_response", error_type="no_response"),
        server("GET", "/items/x", status=None, outcome="client_aborted",
               error_type="client_aborted", status_code="ERROR")])


def test_answer_that_is_no_http(agent):
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["send", "\x16\x03\x01nonsense\r\n\r\n"],
                                       ["eof"]])
    peers.raw_client(agent, service, [["send", ASK], ["read", 15], ["close"]])
    service.wait()
    check(agent.finish(), expected=[
        make("GET", "/items/x", status=None, outcome="protocol_error",
             error_type="protocol_error", status_code="ERROR") for make in (client, server)])


def test_still_open_at_the_end_is_unknown(tacit, host, tmp_path):
    """The agent stops while the answer is under way: no status is invented, and no error."""
    gate = str(tmp_path / "gate")
    asked = str(tmp_path / "asked")
    service = peers.raw_server(host, [["gate", gate], ["until", "\r\n\r\n"], ["gate", asked]])
    client = host.python("raw_peer.py", "client", service.port,
                         json.dumps([[["gate", gate], ["send", ASK], ["sleep", 20]]]))
    agent = tacit.run("--pid", service.pid, "--pid", client.pid, "--console", "json")
    (tmp_path / "gate").touch()
    wait_until(lambda: os.path.exists(f"{asked}.waiting"), "the request to arrive")
    check(agent.finish(), expected=[
        make("GET", "/items/x", status=None, outcome="unknown", error_type=None,
             status_code="UNSET") for make in (oracle.client, server)])
