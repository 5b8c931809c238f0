# SPDX-License-Identifier: Apache-2.0
"""Training runs of workloads/training.py: what they counted themselves, and what the agent's spans say."""
import json

from harness import peers
from harness.processes import WORKLOADS

PHASES = ("load_data", "init_model", "train_loop", "save_model", "step")


def start(agent, case, **env):
    return agent.start(peers.program("torch") / "bin/python3", "-W", "ignore",
                       WORKLOADS / "training.py", case, env=env or None)


def truth(process):
    """The workload's own figures."""
    return json.loads(process.stdout().splitlines()[-1])


def phases(spans, pid):
    """{name: [span]} of one process, in order of their begin."""
    found = {name: [] for name in PHASES}
    for span in sorted(spans, key=lambda span: span.start_ns):
        if span.name in found and span["process.pid"] == pid:
            found[span.name].append(span)
    return found


def steps_by_optimizer(loop):
    return {name: int(count) for name, count in
            (each.split("=") for each in loop["tacit.training.optimizer_steps"] or [])}


def total(loops, attribute):
    return sum(loop[attribute] for loop in loops)
