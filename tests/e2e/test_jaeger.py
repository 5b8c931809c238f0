# SPDX-License-Identifier: Apache-2.0
"""The user's case before a real Jaeger: one trace per user action, and the right graph of services,
although no service carries a trace header."""
import collections

import pytest

from harness import training
from harness.jaeger import Jaeger
from harness.processes import wait_until
from harness.shop import EDGES, SPANS, Shop

pytestmark = [pytest.mark.needs("jaeger", "go_chain"), pytest.mark.timeout(120)]

PURCHASES = 10


def observed(tacit, host, tmp_path):
    """Jaeger, and what the agent sent it of so many purchases."""
    backend = Jaeger(host, tmp_path)
    agent = tacit.exec("--otlp-endpoint", backend.endpoint, "--otlp-protocol", "grpc")
    shop = Shop(agent)
    for number in range(PURCHASES):
        shop.buy(f"j-{number}")
    agent.finish()
    wait_until(lambda: len(backend.traces("worker")) >= PURCHASES, "all traces in Jaeger")
    return backend


def services_of(trace):
    names = {key: process["serviceName"] for key, process in trace["processes"].items()}
    return collections.Counter(names[span["processID"]] for span in trace["spans"])


def check_traces(jaeger):
    traces = jaeger.traces("buy")
    assert len(traces) == PURCHASES
    want = collections.Counter(buy=2, api=3, orders=3, billing=3, worker=4)
    assert [services_of(trace) for trace in traces] == PURCHASES * [want]
    assert sum(want.values()) == SPANS
    for trace in traces:
        own = {span["spanID"] for span in trace["spans"]}
        parents = [[reference["spanID"] for reference in span["references"]]
                   for span in trace["spans"]]
        assert sum(not parent for parent in parents) == 1  # one root
        assert {identity for parent in parents for identity in parent} <= own
    for service in ("api", "orders", "billing", "worker"):  # and none of them has a trace beside
        assert len(jaeger.traces(service)) == PURCHASES


def test_one_trace_per_action(tacit, host, tmp_path):
    jaeger = observed(tacit, host, tmp_path)
    check_traces(jaeger)
    assert jaeger.dependencies() == {edge: PURCHASES * calls for edge, calls in EDGES.items()}


@pytest.mark.needs("torch")
def test_a_training_run_is_one_trace(tacit, host, tmp_path):
    """The program, its phases below it, and the exact number of steps."""
    jaeger = Jaeger(host, tmp_path)
    agent = tacit.exec("--otlp-endpoint", jaeger.endpoint, "--otlp-protocol", "grpc")
    process = training.start(agent, "checkpoints")
    assert process.wait(100) == 0, process.stderr()
    agent.finish()
    wanted = training.truth(process)
    wait_until(lambda: jaeger.traces("training"), "the trace in Jaeger")
    trace, = jaeger.traces("training")
    names = collections.Counter(span["operationName"] for span in trace["spans"])
    loop, = [span for span in trace["spans"] if span["operationName"] == "train_loop"]
    program, = [span for span in trace["spans"] if not span["references"]]
    tags = {tag["key"]: tag["value"] for tag in loop["tags"]}
    assert (names["train_loop"], names["save_model"]) == (1, wanted["saves"])
    assert tags["tacit.training.steps"] == sum(wanted["steps"].values())
    assert [each["spanID"] for each in loop["references"]] == [program["spanID"]]
