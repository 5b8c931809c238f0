# SPDX-License-Identifier: Apache-2.0
"""The judge of parents itself: it must see each way in which a parent can be wrong."""
import dataclasses

import pytest

from harness.parents import SOURCE, TOKEN, Judge, Table
from harness.spans import Span

LINES = [{"side": "call", "token": "a-1.0", "serving": "a-1", "pid": 7},
         {"side": "done", "token": "a-1.0", "serving": "a-1", "pid": 7}]


def span(kind, token, identity, parent="", trace="t1", source=None, **attributes):
    attributes.update({TOKEN: [token]} if token else {})
    attributes.update({SOURCE: source} if source else {})
    return Span(name="GET", kind=kind, trace_id=trace, span_id=identity, parent_span_id=parent,
                start_ns=1, end_ns=2, status_code="UNSET", status_message="", attributes=attributes,
                resource={"service.name": "s"})


REQUEST = span("SERVER", "a-1", "s1")
OTHER = span("SERVER", "a-2", "s2")
CALL = span("CLIENT", "a-1.0", "c1", "s1", source="task")
ARRIVAL = span("SERVER", "a-1.0", "b1", "c1", source="socket")


def counts(tally):
    return tally.calls, tally.right, tally.missing, tally.ambiguous, tally.wrong


def test_right():
    judge = Judge([REQUEST, OTHER, CALL, ARRIVAL], LINES)
    assert counts(judge.calls("a-")) == counts(judge.joins("a-")) == (1, 1, 0, 0, 0)
    assert judge.calls().sources == {"task": 1}
    assert counts(judge.calls("b-")) == (0, 0, 0, 0, 0)
    assert (judge.calls().recall, judge.calls().precision) == (1.0, 1.0)


@pytest.mark.parametrize("call, verdict", [
    (span("CLIENT", "a-1.0", "c1"), "missing"),
    (span("CLIENT", "a-1.0", "c1", source="ambiguous"), "ambiguous"),
    (span("CLIENT", "a-1.0", "c1", "s2"), "wrong"),
    (span("CLIENT", "a-1.0", "c1", "nobody"), "wrong"),
    (span("CLIENT", "a-1.0", "c1", "s1", trace="t2"), "wrong"),
    (span("CLIENT", "a-2.0", "c1", "s1"), "missing"),
], ids=range(6))
def test_not_right(call, verdict):
    tally = Judge([REQUEST, OTHER, call], LINES).calls()
    assert (tally.calls, tally.right, getattr(tally, verdict)) == (1, 0, 1)
    assert tally.missing + tally.ambiguous + tally.wrong == 1
    assert len(tally.complaints) == 1 and "a-1.0" in tally.complaints[0]


def test_request_without_a_span():
    """Then no parent can be right."""
    assert counts(Judge([CALL], LINES).calls()) == (1, 0, 0, 0, 1)


def test_sent_twice_counts_once_and_by_the_worse():
    again = dataclasses.replace(CALL, span_id="c2")
    assert counts(Judge([REQUEST, CALL, again], LINES).calls()) == (1, 1, 0, 0, 0)
    wrong = dataclasses.replace(CALL, span_id="c2", parent_span_id="s2")
    assert counts(Judge([REQUEST, OTHER, CALL, wrong], LINES).calls()) == (1, 0, 0, 0, 1)


@pytest.mark.parametrize("arrival, verdict", [
    ([span("SERVER", "a-1.0", "b1")], "missing"), ([], "missing"),
    ([span("SERVER", "a-1.0", "b1", "s1")], "wrong"),
    ([span("SERVER", "a-1.0", "b1", "c1", trace="t2")], "wrong"),
], ids=range(4))
def test_join_not_right(arrival, verdict):
    tally = Judge([REQUEST, CALL, *arrival], LINES).joins()
    assert (tally.calls, tally.right, getattr(tally, verdict)) == (1, 0, 1)


def test_request_sent_twice_arrives_twice():
    again = dataclasses.replace(CALL, span_id="c2")
    both = [REQUEST, CALL, again, ARRIVAL, dataclasses.replace(ARRIVAL, span_id="b2")]
    assert counts(Judge(both, LINES).joins()) == (1, 0, 0, 0, 1)
    both[-1] = dataclasses.replace(ARRIVAL, span_id="b2", parent_span_id="c2")
    assert counts(Judge(both, LINES).joins()) == (1, 1, 0, 0, 0)


def test_causeless():
    lines = [{"side": "call", "token": "poll-1", "serving": "", "pid": 7}]
    program = span("INTERNAL", None, "p1", **{"process.executable.name": "x"})
    for parent, right in (("", 1), ("p1", 1), ("s1", 0), ("nobody", 0)):
        judge = Judge([REQUEST, program, span("CLIENT", "poll-1", "c1", parent)], lines)
        assert counts(judge.causeless()) == (1, right, 0, 0, 1 - right)


def test_table():
    table = Table()
    table.add("go", "in the service", 20, Judge([REQUEST, CALL], LINES).calls())
    assert table.summary().splitlines()[-1] == "| go | 1 | 0 | 0 | 0 | 100.0 % |"
    assert table.text().splitlines()[-1] == (
        "| go | in the service | 20 | 1 | 1 | 0 | 0 | 0 | 100.00 % | 100.00 % | task 1 |")
