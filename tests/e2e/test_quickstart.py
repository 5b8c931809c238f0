# SPDX-License-Identifier: Apache-2.0
"""The two commands of the README, and the demo system behind the first."""
import collections
import subprocess
import sys

import pytest

from harness.processes import ROOT
from harness.tacit import BINARY, environment

QUICKSTART = ROOT / "deploy/quickstart.sh"
pytestmark = pytest.mark.skipif(BINARY != ROOT / "build/release/tacit",
                                reason="the quickstart runs its own build")


def quickstart(*arguments):
    return subprocess.run([QUICKSTART, *arguments], env=environment(None), text=True, timeout=170,
                          stdin=subprocess.DEVNULL, capture_output=True)


@pytest.mark.timeout(180)
def test_demo():
    result = quickstart()
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.count("trained EURUSD") == 2
    refused = [line for line in result.stderr.splitlines() if "connection refused by" in line]
    assert len(refused) == 2  # the backtest worker is down, once a round
    assert "Try next:" in result.stderr


def test_command_of_the_user():
    result = quickstart("--", "sh", "-c", "echo mine; exit 5")
    assert (result.returncode, result.stdout) == (5, "mine\n")


def test_mistakes_are_one_line():
    for arguments in (["--help-me"], ["--"]):
        result = quickstart(*arguments)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1


def test_demo_is_seen_whole(agent):
    """Between the demo's processes each request has both its spans."""
    agent.run(sys.executable, ROOT / "deploy/demo/run.py", 1)
    spans = agent.finish()
    seen = {kind: collections.Counter((s.method, s.path, s.status, s.request_bytes,
                                       s.response_bytes) for s in spans
                                      if s.kind == kind and s.name != "connect")
            for kind in ("CLIENT", "SERVER")}
    assert seen["CLIENT"] == seen["SERVER"]
    fixed = collections.Counter(path for _, path, *_ in seen["CLIENT"].elements()
                                if not path.startswith(("/api/v1/operations/", "/operations/")))
    assert fixed == {"/api/v1/workers/register": 1, "/api/v1/health": 1,
                     "/api/v1/trainings/start": 3, "/training/start": 3, "/data/historical": 4,
                     "/api/v1/data/GOLD/1d": 1, "/api/v1/backtests/start": 1}
    assert [s.error_type for s in spans if s.name == "connect"] == ["ECONNREFUSED"]
    assert {s.service for s in spans} == {"api", "ib_host", "worker", "cli"}
    # What the API key in a query was is nowhere.
    assert "not-for-traces" not in agent.output.text()
