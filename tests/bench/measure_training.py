# SPDX-License-Identifier: Apache-2.0
"""What the probes in PyTorch add to a training step: one process trains all the time, and the agent comes
and goes, so that both are the same memory and code. The least of some thousand steps is what a step
takes when nobody else wants the core; it differs by 1 % between rounds where medians differ by 30.
ROUNDS and BENCH_RECORD as everywhere."""
import re
import statistics
import subprocess
import sys
import time

from bench import HERE, ROOT, ROUNDS, Agent, folder, record, table, until

# what, order to the program
CASES = (("step of 0.4 ms, one after the other", "small 3000"),
         ("the same, one each 4 ms", "small 700 4"),
         ("step of 10 ms", "large 300"))


class Loop:
    def __init__(self):
        python = ROOT / "build/test-peers/torch/bin/python3"
        self.process = subprocess.Popen([python, "-W", "ignore", HERE / "training_loop.py"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.process.stdout.readline()

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        least, decile, middle = map(float, self.process.stdout.readline().split())
        return {"least": least, "decile": decile, "middle": middle}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def seen(agent, loop):
    loop.tell("small 3")
    return re.search(r"^training_steps_total\{.*\} [1-9]", agent.page(), re.M)


def main():
    loop = Loop()
    rows = {case: {} for case in CASES}
    try:
        for order in ("small 3000", "large 100"):
            loop.tell(order)
        for number in range(1, ROUNDS + 1):
            for case in CASES:
                rows[case][number, "bare"] = loop.tell(case[1])
            with folder() as work:
                agent = Agent(work, [loop.pid])
                try:
                    until(lambda: seen(agent, loop), "the probes", step=0.2)
                    for case in CASES:
                        rows[case][number, "observed"] = loop.tell(case[1])
                finally:
                    agent.stop()
            time.sleep(0.5)  # what is detached is gone
            print(f"round {number} of {ROUNDS}", file=sys.stderr)
    finally:
        loop.stop()
    lines = []
    for case, found in rows.items():
        record(f"training: {case[0]}", found)
        least = {mode: [found[n, mode]["least"] for n in range(1, ROUNDS + 1)]
                 for mode in ("bare", "observed")}
        added = [b - a for a, b in zip(least["bare"], least["observed"])]
        lines.append([case[0], f"{statistics.median(least['bare']):,.0f} us",
                      f"{statistics.median(added):+.1f} us", f"{min(added):+.1f} to {max(added):+.1f} us"])
    print(f"The least of a step's times, median of {ROUNDS} rounds\n")
    table(["", "bare", "added", "in the rounds"], lines)


if __name__ == "__main__":
    main()
