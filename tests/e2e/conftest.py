# SPDX-License-Identifier: Apache-2.0
"""Fixtures of every test: `agent` (a tacit exec that prints JSON), `tacit` (makes agents with
other options), `host` (processes that the agent does not start), and `fakes` of CUDA."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import peers  # noqa: E402
from harness.processes import WORKLOADS, Host  # noqa: E402
from harness.tacit import BINARY, Exec, Run  # noqa: E402


def pytest_configure(config):
    if os.geteuid() != 0:
        raise pytest.UsageError("the end-to-end tests load BPF programs: run them as root")
    if not BINARY.exists():
        raise pytest.UsageError(f"no agent at {BINARY}: build it, or set TACIT_BINARY")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        for peer in marker.args:
            reason = peers.why_missing(peer)
            if reason:
                pytest.skip(f"{peer}: {reason}")


class Agents:
    """Makes agents and ends them with the test."""

    def __init__(self, directory):
        self.directory = directory
        self.made = []

    def _place(self):
        return self.directory / f"agent{len(self.made)}"

    def exec(self, *options, env=None):
        self.made.append(Exec(self._place(), *options, env=env))
        return self.made[-1]

    def run(self, *options, **settings):
        self.made.append(Run(self._place(), *options, **settings))
        return self.made[-1]

    def close(self):
        for agent in reversed(self.made):
            agent.close()


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    """Folder of stand-ins for CUDA's and NCCL's libraries, and the programs that call them."""
    directory = tmp_path_factory.mktemp("fake_cuda")
    subprocess.run(["sh", WORKLOADS / "fake_cuda/build.sh", directory], check=True)
    return directory


@pytest.fixture
def tacit(tmp_path):
    agents = Agents(tmp_path)
    yield agents
    agents.close()


@pytest.fixture
def agent(tacit):
    return tacit.exec("--console", "json")


@pytest.fixture
def host(tmp_path):
    starter = Host(tmp_path / "host")
    yield starter
    starter.close()
