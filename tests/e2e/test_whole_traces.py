# SPDX-License-Identifier: Apache-2.0
"""Head sampling: a trace is kept or dropped whole, over services that carry no trace header."""
import collections

import pytest

from harness import chain
from harness.parents import ENVIRONMENT, token_of

pytestmark = [pytest.mark.needs("go_chain"), pytest.mark.timeout(120)]

ACTIONS = 200
# Of one action: its request, two calls and their arrivals.
WHOLE = 5


def run(tacit, host, env):
    """{action's token: spans}: load (not observed) → front → worker."""
    agent = tacit.exec("--console", "json", env={**ENVIRONMENT, **env})
    worker = chain.backend(agent, env={"OTEL_SERVICE_NAME": "worker"})
    front = chain.flask(agent, worker, OTEL_SERVICE_NAME="front")
    chain.load(host, front, ["/seq", "/pause2"], ACTIONS / chain.SCALE, 10, "w")
    found = collections.defaultdict(list)
    for span in agent.finish():
        found[token_of(span).split(".")[0]].append(span)
    return found


def check_whole(found):
    torn = {token: len(spans) for token, spans in found.items() if len(spans) != WHOLE}
    assert torn == {}
    assert all(len({span.trace_id for span in spans}) == 1 for spans in found.values())


@pytest.mark.parametrize("sampler", ["parentbased_traceidratio", "traceidratio"])
def test_ratio(tacit, host, sampler):
    found = run(tacit, host, {"TACIT_TRACES_SAMPLER": sampler, "TACIT_TRACES_SAMPLER_ARG": "0.5"})
    check_whole(found)
    assert 55 <= len(found) <= 145  # six standard deviations around half


def test_everything(tacit, host):
    found = run(tacit, host, {})
    check_whole(found)
    assert len(found) == ACTIONS


def test_service_whose_traces_are_dropped(tacit, host):
    """The share of the service where a trace begins decides for all that follow."""
    assert run(tacit, host, {"TACIT_TRACES_SERVICE_RATIOS": "front=0"}) == {}


def test_share_of_a_service_behind(tacit, host):
    """A service in the middle of a trace has no say."""
    found = run(tacit, host, {"TACIT_TRACES_SERVICE_RATIOS": "worker=0"})
    check_whole(found)
    assert len(found) == ACTIONS
