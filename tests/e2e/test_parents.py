# SPDX-License-Identifier: Apache-2.0
"""Who caused whom, judged against what the services themselves say (harness/parents.py): one table
over all stacks, in build/test-results/parents.md. TACIT_ORACLE_SCALE=10 makes every cell larger."""
import dataclasses

import pytest

from harness import chain
from harness.parents import ENVIRONMENT, Judge, Table
from harness.processes import ROOT

pytestmark = [pytest.mark.needs("go_chain"), pytest.mark.timeout(300)]

# (at a time, requests)
PHASES = ((1, 40), (20, 200), (100, 400))


@dataclasses.dataclass
class Stack:
    start: object  # (agent, backend) → service
    paths: tuple
    recall: float = 0.999  # the bar
    needs: str = "go_chain"
    share: float = 1.0  # of the requests: slow servers get fewer
    causeless: bool = True  # has calls that no request causes


THREAD_PATHS = ("/seq", "/executor", "/pause", "/fresh", "/shared", "/background")
GO_PATHS = ("/seq", "/par", "/pause", "/fresh", "/nested", "/fire")

STACKS = {
    "flask-threads": Stack(lambda *of: chain.flask(*of, POLL="1"), THREAD_PATHS),
    "gunicorn-gthread": Stack(lambda *of: chain.gunicorn(*of, POLL="1"), THREAD_PATHS),
    "gunicorn-sync": Stack(lambda *of: chain.gunicorn(*of, worker_class="sync"), THREAD_PATHS,
                           share=0.5, causeless=False),
    "go": Stack(lambda *of: chain.go(*of, name="go_chain_symbols", POLL="1"), GO_PATHS),
    "go-stripped": Stack(lambda *of: chain.go(*of, POLL="1"), GO_PATHS),
    # Goroutines that are older than the request: no ancestry tells, so nothing may be invented.
    "go-worker-pool": Stack(chain.go, ("/pool", "/seq"), recall=0.0, causeless=False, share=0.5),
}


@pytest.fixture(scope="session")
def table():
    made = Table()
    yield made
    if made.rows:
        place = ROOT / "build/test-results"
        place.mkdir(parents=True, exist_ok=True)
        (place / "parents.md").write_text(made.text())
        print("\n" + made.text())


def observe(tacit, host, stack):
    """All phases under one agent; returns the judge of what came out."""
    agent = tacit.exec("--console", "json", env=ENVIRONMENT)
    service = stack.start(agent, chain.backend(agent))
    for concurrency, requests in PHASES:
        chain.load(host, service, stack.paths, requests * stack.share, concurrency,
                   f"c{concurrency}")
    return Judge(agent.finish(), service.requests())


def expect(misses, name, tally, recall):
    if tally.wrong or tally.recall < recall:
        misses.append(f"{name}: recall {100 * tally.recall:.2f} % (bar {100 * recall:g} %), "
                      f"{tally.wrong} wrong (bar 0)\n  {tally.shown()}")


@pytest.mark.parametrize("name", STACKS)
def test_stack(tacit, host, table, name):
    stack = STACKS[name]
    judge = observe(tacit, host, stack)
    misses = []
    for concurrency, _ in PHASES:
        prefix = f"c{concurrency}-"
        calls, joins = judge.calls(prefix), judge.joins(prefix)
        assert calls.calls == joins.calls > 0
        table.add(name, "in the service", concurrency, calls)
        table.add(name, "same host", concurrency, joins)
        expect(misses, f"{name}, {concurrency} at a time, calls", calls, stack.recall)
        expect(misses, f"{name}, {concurrency} at a time, same-host joins", joins, 0.999)
    if stack.causeless:
        causeless = judge.causeless()
        assert causeless.calls > 0
        expect(misses, f"{name}, calls that no request causes", causeless, 1.0)
    assert not misses, "\n".join(misses)
