# SPDX-License-Identifier: Apache-2.0
"""Programs that make requests are spans themselves, from exec to exit, by OpenTelemetry's
conventions for command-line programs; TRACEPARENT in the environment is their parent."""
import os
import sys

import pytest

from harness import chain, peers
from harness.parents import ENVIRONMENT, SOURCE, token_of
from harness.processes import free_port
from harness.shop import Shop

pytestmark = [pytest.mark.needs("go_chain", "curl"), pytest.mark.timeout(120)]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def agent(tacit):
    return tacit.exec("--console", "json", env=ENVIRONMENT)


def curl(agent, url, token, *more, status=0, **options):
    return agent.run("curl", "-sS", "-H", f"X-Token: {token}", *more, url, status=status, **options)


def results(agent):
    """(programs that were started by the test, requests by (kind, token)); the launcher, which is
    the command of this agent, makes no requests."""
    requests = agent.finish()
    programs = [span for span in agent.output.programs() if span.service != "launcher"]
    return programs, {(span.kind, token_of(span)): span for span in requests}


def check_program(span, name, executable, code=0):
    assert (span.name, span.kind) == (name, "INTERNAL")
    assert span["process.executable.name"] == executable
    assert span["process.exit.code"] == code
    assert span.status_code == ("ERROR" if code else "UNSET")
    assert span.error_type == (str(code) if code else None)


def test_command(agent):
    service = chain.backend(agent)
    process = curl(agent, service.url() + "/fast", "e-0")
    programs, requests = results(agent)
    assert len(programs) == 1 and len(requests) == 2
    check_program(programs[0], "curl", "curl")
    assert programs[0].service == "curl"
    assert {**programs[0].resource, **programs[0].attributes}["process.pid"] == process.pid
    call = requests["CLIENT", "e-0"]
    assert (call.trace_id, call.parent_span_id, call[SOURCE]) == (
        programs[0].trace_id, programs[0].span_id, "process")
    assert requests["SERVER", "e-0"].parent_span_id == call.span_id
    assert programs[0].parent_span_id == ""
    assert programs[0].start_ns <= call.start_ns <= call.end_ns <= programs[0].end_ns


def test_exit_code(agent):
    """A refused connection: curl ends with 7."""
    curl(agent, f"http://127.0.0.1:{free_port()}/", "e-0", status=7)
    spans = agent.finish()
    program, = [span for span in agent.output.programs() if span.service != "launcher"]
    check_program(program, "curl", "curl", 7)
    assert [(span.name, span.parent_span_id) for span in spans] == [("connect", program.span_id)]


def test_no_arguments(agent):
    """Arguments hold secrets: none leaves."""
    service = chain.backend(agent)
    curl(agent, service.url() + "/fast", "e-0", "-H", "Authorization: Bearer s3cret-9f",
         "--user", "me:s3cret-9f")
    agent.finish()
    assert len(agent.output.programs()) >= 1
    assert "s3cret-9f" not in agent.output.text()


def test_script_of_an_interpreter(agent, tmp_path):
    """Named after the script; all threads' requests are its own."""
    service = chain.backend(agent)
    (tmp_path / "nightly_report.py").write_text(
        "import sys, threading, urllib.request\n"
        "def ask(token):\n"
        "    request = urllib.request.Request(sys.argv[1], headers={'X-Token': token})\n"
        "    urllib.request.urlopen(request).read()\n"
        "ask('e-0')\n"
        "threads = [threading.Thread(target=ask, args=(f'e-{i}',)) for i in range(1, 5)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "sys.exit(3)\n")
    agent.run(sys.executable, tmp_path / "nightly_report.py", service.url() + "/fast", status=3)
    programs, requests = results(agent)
    assert len(programs) == 1
    check_program(programs[0], "nightly_report", os.path.basename(os.path.realpath(sys.executable)),
                  3)
    calls = [span for (kind, _), span in requests.items() if kind == "CLIENT"]
    assert len(calls) == 5
    assert {(span.trace_id, span.parent_span_id) for span in calls} == {
        (programs[0].trace_id, programs[0].span_id)}


def test_shell_script_with_two_commands(agent, tmp_path):
    """Each request belongs to the command that made it."""
    service = chain.backend(agent)
    (tmp_path / "deploy.sh").write_text(
        f"#!/bin/sh\ncurl -sS -H 'X-Token: e-0' {service.url()}/fast\n"
        f"curl -sS -H 'X-Token: e-1' {service.url()}/slow\n")
    agent.run("sh", tmp_path / "deploy.sh")
    programs, requests = results(agent)
    by_id = {span.span_id: span for span in programs}
    parents = [by_id[requests["CLIENT", token].parent_span_id] for token in ("e-0", "e-1")]
    for parent in parents:
        check_program(parent, "curl", "curl")
    assert parents[0].span_id != parents[1].span_id


def test_traceparent_in_the_environment(agent):
    service = chain.backend(agent)
    curl(agent, service.url() + "/fast", "e-0", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-01"})
    programs, requests = results(agent)
    assert len(programs) == 1
    assert (programs[0].trace_id, programs[0].parent_span_id, programs[0][SOURCE]) == (
        TRACE, PARENT, "environment")
    assert {span.trace_id for span in requests.values()} == {TRACE}
    assert requests["CLIENT", "e-0"].parent_span_id == programs[0].span_id


@pytest.mark.parametrize("value", [f"00-{'0' * 32}-{PARENT}-01", "nonsense", ""])
def test_malformed_traceparent_in_the_environment(agent, value):
    service = chain.backend(agent)
    curl(agent, service.url() + "/fast", "e-0", env={"TRACEPARENT": value})
    programs, requests = results(agent)
    assert len(programs) == 1 and programs[0].parent_span_id == ""
    assert requests["CLIENT", "e-0"].parent_span_id == programs[0].span_id


def test_not_sampled_in_the_environment(agent):
    """Parent-based: nothing of the program's trace."""
    service = chain.backend(agent)
    curl(agent, service.url() + "/fast", "e-0", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-00"})
    assert results(agent) == ([], {})


def test_command_started_by_a_request(agent, host):
    """A handler that runs a program: request → program → the program's request."""
    service = chain.flask(agent, chain.backend(agent))
    chain.load(host, service, ["/command"], 5 / chain.SCALE, 1, "c")
    programs, requests = results(agent)
    assert len(programs) == 5
    by_id = {span.span_id: span for span in programs}
    for number in range(5):
        program = by_id[requests["CLIENT", f"c-{number}.0"].parent_span_id]
        check_program(program, "curl", "curl")
        served = requests["SERVER", f"c-{number}"]
        assert (program.trace_id, program.parent_span_id) == (served.trace_id, served.span_id)


def test_server_is_no_program(agent, host):
    """What serves is not the parent of what it does by itself, and has no span of its own."""
    service = chain.flask(agent, chain.backend(agent), POLL="1")
    chain.load(host, service, ["/seq"], 20 / chain.SCALE, 1, "c")
    programs, requests = results(agent)
    assert programs == []
    polled = [span for (kind, token), span in requests.items()
              if kind == "CLIENT" and token.startswith("poll-")]
    assert polled and {span.parent_span_id for span in polled} == {""}


def test_whole_user_case(agent):
    """Each purchase is one trace whose root is the command."""
    shop = Shop(agent)
    for number in range(5):
        shop.buy(f"s-{number}")
    programs, requests = results(agent)
    assert [(span.service, span.parent_span_id) for span in programs] == 5 * [("buy", "")]
    traces = {span.trace_id for span in programs}
    assert len(traces) == 5
    assert {span.trace_id for span in requests.values()} == traces
    assert len(requests) == 5 * 14
