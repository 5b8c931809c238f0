# SPDX-License-Identifier: Apache-2.0
"""The checker itself: it must complain of each way in which spans can be wrong."""
import dataclasses
import types

import pytest

from harness.oracle import check, client, compare, server
from harness.spans import Span, from_console

LOGGED = {"side": "server", "method": "GET", "path": "/items/1", "status": 200, "request_bytes": 0,
          "response_bytes": 5, "server_port": 80, "client_port": 4000, "start_ns": 10**9,
          "end_ns": 10**9 + 5}


def span(**changes):
    attributes = {"http.request.method": "GET", "url.path": "/items/1", "server.port": 80,
                  "http.response.status_code": 200, "http.request.body.size": 0,
                  "http.response.body.size": 5, "client.port": 4000}
    attributes.update(changes.pop("attributes", {}))
    base = Span(name="GET /items/{}", kind="SERVER", trace_id="1" * 32, span_id="2" * 16,
                parent_span_id="", start_ns=10**9, end_ns=10**9 + 7, status_code="UNSET",
                status_message="", attributes=attributes, resource={"service.name": "a"})
    return dataclasses.replace(base, **changes)


def process(*lines):
    return types.SimpleNamespace(requests=lambda: list(lines), pid=1, stderr=lambda: "")


def test_agreement():
    check([span()], process(LOGGED))


@pytest.mark.parametrize("spans", [
    [], [span(), span(span_id="3" * 16)], [span(kind="CLIENT")],
    [span(attributes={"http.request.method": "POST"})], [span(attributes={"url.path": "/items/2"})],
    [span(attributes={"http.response.status_code": 201})], [span(attributes={"server.port": 81})],
    [span(attributes={"client.port": 4001})], [span(attributes={"http.request.body.size": 1})],
    [span(attributes={"http.response.body.size": None})], [span(attributes={"error.type": "x"})],
    [span(attributes={"tacit.outcome": "unknown"})], [span(status_code="ERROR")],
    [span(end_ns=10**9 - 1)],
], ids=range(14))
def test_disagreement(spans):
    with pytest.raises(AssertionError):
        check(spans, process(LOGGED))


def test_client_span_outside_the_clients_own_clock():
    logged = {**LOGGED, "side": "client"}
    check([span(kind="CLIENT")], process(logged))
    for times in ({"start_ns": 10**8}, {"end_ns": 2 * 10**9}):
        with pytest.raises(AssertionError):
            check([span(kind="CLIENT", **times)], process(logged))


def test_shared_ids():
    assert compare([client("GET", "/a"), server("GET", "/a")],
                   [span(kind=kind, attributes={"url.path": "/a"}) for kind in ("CLIENT", "SERVER")]
                   ) == [f"2 spans share the id {'2' * 16}"]


def test_empty_log_is_no_agreement():
    with pytest.raises(AssertionError):
        check([], process())


def test_console_line():
    line = {"name": "GET", "kind": "CLIENT", "trace_id": "1" * 32, "span_id": "2" * 16,
            "start_time_unix_nano": "5", "end_time_unix_nano": "9",
            "status": {"code": "ERROR", "message": "m"}, "attributes": {"url.path": "/a"},
            "events": [], "resource": {"service.name": "s"}}
    have = from_console(line)
    assert (have.path, have.service, have.end_ns, have.parent_span_id) == ("/a", "s", 9, "")
