# SPDX-License-Identifier: Apache-2.0
"""What a service keeps to itself stays there: query values, headers and bodies leave nowhere."""
import pytest

from harness import peers
from harness.metrics_page import Page
from harness.processes import free_port

QUERY = "planted-query-7f3a"
HEADER = "planted-header-91bc"
BODY = "planted-body-d40e"
HARMLESS = "planted-colour"
SECRETS = (QUERY, HEADER, BODY)


def run(tacit, *options, env=None):
    """Requests with secrets everywhere; returns all that the agent let out, and the spans."""
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}", "--log-level",
                       "debug", *options, env=env)
    service = peers.threading_server(agent)
    target = (f"/items/{{i}}?api_key={QUERY}&colour={HARMLESS}&password={QUERY}&token={QUERY}"
              f"&X-Amz-Signature={QUERY}&sig={QUERY}")
    for library in ("http.client", "requests", "httpx"):
        agent.run_python("http_client.py", "--url", service.url(), "--library", library, "--path",
                         target, "--requests", 4, "--header", f"Authorization: Bearer {HEADER}",
                         "--header", f"Cookie: session={HEADER}", "--header", f"X-Token: {HEADER}")
    agent.run("curl", "-sS", "-X", "POST", f"{service.url()}/items/echo?token={QUERY}",
              "-H", "X-Reply-Echo: 1", "-d", BODY)
    metrics = Page(port).until("http_server_request_duration_seconds_count", 13).text
    spans = agent.finish()
    assert len(spans) == 26
    return agent.output.text() + metrics, spans


@pytest.mark.needs("curl")
def test_query_is_dropped(tacit):
    out, spans = run(tacit)
    assert [secret for secret in (*SECRETS, HARMLESS) if secret in out] == []
    assert {span["url.query"] for span in spans} == {None}
    assert not [span for span in spans if "?" in (span["url.full"] or "")]


@pytest.mark.needs("curl")
@pytest.mark.parametrize("how", ["variable", "flag"])
def test_query_is_redacted(tacit, how):
    if how == "flag":
        out, spans = run(tacit, "--http-query", "redact")
    else:
        out, spans = run(tacit, env={"TACIT_HTTP_QUERY": "redact"})
    assert [secret for secret in SECRETS if secret in out] == []
    with_query = [span for span in spans if span["url.query"] is not None]
    assert len(with_query) == 26
    items = [span["url.query"] for span in with_query if span.path != "/items/echo"]
    assert set(items) == {f"api_key=REDACTED&colour={HARMLESS}&password=REDACTED&token=REDACTED"
                          "&X-Amz-Signature=REDACTED&sig=REDACTED"}


def test_user_info_in_a_target(agent):
    """Names and passwords in an absolute target never leave."""
    ask = "GET http://user:planted-secret@raw:99/items/u HTTP/1.1\r\nHost: raw:99\r\n\r\n"
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["send", answer], ["eof"]])
    peers.raw_client(agent, service, [["send", ask], ["read", len(answer)]])
    service.wait()
    spans = agent.finish()
    assert len(spans) == 2
    assert "planted-secret" not in agent.output.text()


def test_hostile_text_never_reaches_a_terminal_raw(tacit):
    """Escape sequences in paths, agents and process names are escaped in the text form."""
    agent = tacit.exec("--console", "text")
    evil = "\x1b]0;owned\x07\x1b[31m"
    ask = f"GET /items/{evil} HTTP/1.1\r\nHost: {evil}\r\nUser-Agent: {evil}\r\n\r\n"
    answer = f"HTTP/1.1 200 {evil}\r\nContent-Length: 0\r\n\r\n"
    service = peers.raw_server(agent, [["until", "\r\n\r\n"], ["send", answer], ["eof"]])
    peers.raw_client(agent, service, [["send", ask], ["read", len(answer)]])
    service.wait()
    agent.finish()
    text = agent.output.path.read_bytes()
    assert b"\x1b" not in text and b"\x07" not in text
