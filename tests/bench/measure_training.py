# SPDX-License-Identifier: Apache-2.0
"""What the probes in PyTorch add to a training step: loops of small steps, bare and under the agent in
turns, and the same with a step's parts counted. usage: measure_training.py [ROUNDS]"""
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import peers  # noqa: E402
from harness.tacit import BINARY, environment  # noqa: E402

LOOP = pathlib.Path(__file__).with_name("training_loop.py")
STEPS = 6000


def step_us(under):
    command = [str(peers.program("torch") / "bin/python3"), "-W", "ignore", str(LOOP), str(STEPS)]
    if under:
        command = [str(BINARY), "exec", "--console", "json", "--", *command]
    done = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=120,
                          check=True)
    return float(done.stdout.split()[0])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    pairs = []
    for number in range(rounds):
        order = (False, True) if number % 2 == 0 else (True, False)
        taken = {under: step_us(under) for under in order}
        pairs.append((taken[False], taken[True]))
        print(f"round {number + 1}: bare {taken[False]:.1f} us, under the agent {taken[True]:.1f} us",
              file=sys.stderr)
    bare = statistics.median(pair[0] for pair in pairs)
    added = statistics.median(pair[1] - pair[0] for pair in pairs)
    print("| a step (one batch, zero_grad, backward, step) | median of "
          f"{rounds} rounds |\n|---|---|")
    print(f"| bare | {bare:.1f} us |")
    print(f"| added by the agent: 7 probe hits | {added:.1f} us |")
    print(f"| of a step of 10 ms | {added / 10_000:.2%} |")


if __name__ == "__main__":
    main()
