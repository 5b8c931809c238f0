# SPDX-License-Identifier: Apache-2.0
"""Who caused whom, judged against what the services themselves say (harness/parents.py): one table
over all stacks, in build/test-results/parents.md. TACIT_ORACLE_SCALE=10 makes every cell larger."""
import dataclasses
import time

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
    recall: float = 0.999  # the bar; for stacks without one, a little below what was measured
    needs: str = "go_chain"
    share: float = 1.0  # of the requests: slow servers get fewer
    causeless: bool = True  # has calls that no request causes


THREAD_PATHS = ("/seq", "/executor", "/pause", "/fresh", "/shared", "/background")
GO_PATHS = ("/seq", "/par", "/pause", "/fresh", "/nested", "/fire")

TASK_PATHS = ("/seq", "/gather", "/pause", "/task", "/fresh", "/fire", "/to-thread", "/executor",
              "/sync", "/background", "/stream", "/timer")
AIOHTTP_PATHS = ("/seq", "/gather", "/pause", "/fire", "/fresh")
NODE_PATHS = ("/seq", "/all", "/one", "/timer", "/fire")
JAVA_PATHS = ("/seq", "/pause", "/shared")


def polling(start, **settings):
    """A service that also makes calls which no request causes."""
    return lambda agent, backend: start(agent, backend, POLL="1", **settings)


STACKS = {
    "flask-threads": Stack(polling(chain.flask), THREAD_PATHS),
    "gunicorn-gthread": Stack(polling(chain.gunicorn), THREAD_PATHS),
    "gunicorn-sync": Stack(polling(chain.gunicorn, worker_class="sync"), THREAD_PATHS, share=0.5),
    "fastapi-asyncio": Stack(polling(chain.fastapi), TASK_PATHS),
    "fastapi-uvloop": Stack(polling(chain.fastapi, loop="uvloop", http="httptools", MIDDLEWARE="1"),
                            TASK_PATHS),
    "aiohttp": Stack(polling(chain.aiohttp), AIOHTTP_PATHS),
    # One context for all connections, and handlers that are older than their requests.
    "aiohttp-uvloop": Stack(polling(chain.aiohttp, loop="uvloop"), AIOHTTP_PATHS, recall=0.0,
                            share=0.5),
    "go": Stack(polling(chain.go, name="go_chain_symbols"), GO_PATHS),
    "go-stripped": Stack(polling(chain.go), GO_PATHS),
    # Workers that are older than the request and get it over a queue of the program's own: where
    # nothing tells, nothing may be invented.
    "go-queue": Stack(chain.go, ("/pool", "/seq"), 0.0, causeless=False, share=0.5),
    "threads-queue": Stack(chain.flask, ("/queue", "/seq"), 0.0, causeless=False, share=0.5),
    "asyncio-queue": Stack(chain.fastapi, ("/queue", "/seq"), 0.0, causeless=False, share=0.5),
    "node-fetch": Stack(polling(chain.node, client="fetch"), NODE_PATHS, 0.65, "node"),
    "node-http": Stack(polling(chain.node, client="agent"), NODE_PATHS, 0.65, "node"),
    "java-connection": Stack(polling(chain.java, client="connection"), JAVA_PATHS, 0.75,
                             "java_chain"),
    "java-client": Stack(polling(chain.java, client="client"), JAVA_PATHS, 0.0, "java_chain"),
    "nginx-keepalive": Stack(lambda *of: chain.nginx(*of, keep=True), ("/any",), 0.9, "nginx",
                             causeless=False),
    "nginx-close": Stack(lambda *of: chain.nginx(*of, keep=False), ("/any",), 0.9, "nginx",
                         causeless=False),
}


@pytest.fixture(scope="session")
def table():
    made = Table()
    yield made
    place = ROOT / "build/test-results"
    place.mkdir(parents=True, exist_ok=True)
    (place / "parents.md").write_text(made.summary() + "\n" + made.text())
    print("\n" + made.text())


# What a thread did is believed once it ended and its process went on (ThreadLife::kGoesOnNs), and
# services do not end with their last request.
GOES_ON_S = 1
# A program new to the agent is looked into while it starts: some 20 ms, more on busy cores. What it is
# asked before that has no parents.
LOOKED_INTO_S = 0.5


def observe(tacit, host, stack):
    """All phases under one agent; returns the judge of what came out."""
    agent = tacit.exec("--console", "json", env=ENVIRONMENT)
    service = stack.start(agent, chain.backend(agent))
    time.sleep(LOOKED_INTO_S)
    for concurrency, requests in PHASES:
        chain.load(host, service, stack.paths, requests * stack.share, concurrency,
                   f"c{concurrency}")
    time.sleep(GOES_ON_S)
    agent.finish()
    return Judge(agent.output.all_spans(), service.requests())


def expect(misses, name, tally, recall):
    if tally.wrong or tally.recall < recall:
        misses.append(f"{name}: recall {100 * tally.recall:.2f} % (bar {100 * recall:g} %), "
                      f"{tally.wrong} wrong (bar 0)\n  {tally.shown()}")


def judged(judge, stack, name, table):
    """Adds the rows of all phases to the table; returns what misses the bars."""
    misses = []
    for concurrency, _ in PHASES:
        prefix = f"c{concurrency}-"
        calls, joins = judge.calls(prefix), judge.joins(prefix)
        assert calls.calls == joins.calls > 0
        table.add(name, "in the service", concurrency, calls)
        table.add(name, "same host", concurrency, joins)
        expect(misses, f"{name}, {concurrency} at a time, calls", calls, stack.recall)
        expect(misses, f"{name}, {concurrency} at a time, same-host joins", joins, 0.999)
    return misses


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.needs(stack.needs)) for name, stack in STACKS.items()])
def test_stack(tacit, host, table, name):
    stack = STACKS[name]
    judge = observe(tacit, host, stack)
    misses = judged(judge, stack, name, table)
    if stack.causeless:
        causeless = judge.causeless()
        assert causeless.calls > 0
        expect(misses, f"{name}, calls that no request causes", causeless, 1.0)
    assert not misses, "\n".join(misses)


STDLIB_PATHS = {"threads": ("/seq", "/pause", "/executor", "/shared", "/background"),
                "asyncio": ("/seq", "/pause", "/gather", "/fire", "/executor", "/to-thread")}


@pytest.mark.parametrize("kind", STDLIB_PATHS)
@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14",
                                     "stripped"])
def test_interpreter(tacit, host, table, version, kind):
    """The standard library alone, under each CPython that the machine has."""
    interpreter = chain.interpreter(version)
    if not interpreter:
        pytest.skip(f"python{version}: not installed")
    stack = Stack(lambda *of: chain.stdlib(*of, interpreter, kind), STDLIB_PATHS[kind], share=0.3)
    misses = judged(observe(tacit, host, stack), stack, f"python-{version}-{kind}", table)
    assert not misses, "\n".join(misses)
