# SPDX-License-Identifier: Apache-2.0
"""A service that was running before the agent came: its runtime is looked into, too."""
import time

import pytest

from harness import chain
from harness.parents import ENVIRONMENT, Judge

pytestmark = [pytest.mark.needs("go_chain"), pytest.mark.timeout(120)]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_service_from_before(tacit, host, loop):
    backend = chain.backend(host)
    service = chain.fastapi(host, backend, loop=loop)
    agent = tacit.run("--pid", service.pid, "--pid", backend.pid, "--console", "json",
                      env=ENVIRONMENT)
    time.sleep(1)  # the probes are in place some 50 ms after the agent says that it observes
    chain.load(host, service, ["/seq", "/gather", "/fresh"], 60 / chain.SCALE, 10, "late")
    agent.finish()
    judge = Judge(agent.output.all_spans(), service.requests())
    for tally in (judge.calls("late"), judge.joins("late")):
        assert (tally.right, tally.wrong) == (tally.calls, 0), tally.shown()
        assert tally.calls >= 120
