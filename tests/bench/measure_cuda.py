# SPDX-License-Identifier: Apache-2.0
"""What the probes add to calls of CUDA and NCCL: stand-ins of the libraries do nothing, so a call's time is
the price of its probes. With the torch peer also NVIDIA's own runtime, which without a driver refuses."""
import pathlib
import re
import statistics
import subprocess
import time

from bench import ROOT, ROUNDS, Agent, folder, table, until

FAKES = ROOT / "tests/workloads/fake_cuda"
RUNS = 100  # the least of them counts
# what, command, calls in it
CALLS = (
    ("kernel launch by the runtime (and its launch by the driver)", "launch 100", 100),
    ("kernel launch by the driver", "driver_launch 100", 100),
    ("copy by the runtime (and by the driver)", "copy 1 4096 100", 100),
    ("stream synchronisation (and the driver's)", "sync 100", 100),
    ("cudaMalloc and cudaFree (and the driver's two; the end of its free is stepped over)",
     "cycle 4096 20", 20),
    ("ncclAllReduce (and the driver's launch in it)", "reduce 1000 7 4096 100", 100),
)
REAL = (
    ("NVIDIA's cudaLaunchKernel without a driver", "launch 100", 100),
    ("NVIDIA's cudaMalloc and cudaFree without a driver", "cycle 4096 20", 20),
    ("NVIDIA's cudaStreamSynchronize without a driver", "sync 100", 100),
)


class Program:
    """A process that makes calls when it is told to."""

    def __init__(self, directory, *commands):
        self.process = subprocess.Popen([directory / "cuda_calls_late"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.process.stdout.readline()
        for command in commands:
            self.tell(command)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def measure(self, calls):
        return {what: self.tell(f"time {RUNS} {command}") / count for what, command, count in calls}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def seen(agent, program):
    """Whether its calls are counted by now."""
    program.tell("launch 1")
    return re.search(r"^cuda_launches_total\{.*api=\"kernel\"\} [1-9]", agent.page(), re.M)


def measure(program, calls):
    rows = []
    for _ in range(ROUNDS):
        row = {"bare": program.measure(calls)}
        with folder() as work:
            agent = Agent(work, [program.pid])
            try:
                until(lambda: seen(agent, program), "the probes", step=0.2)
                row["observed"] = program.measure(calls)
            finally:
                agent.stop()
        time.sleep(0.5)  # what is detached is gone
        rows.append(row)
    lines = []
    for what, _, _ in calls:
        bare = statistics.median(row["bare"][what] for row in rows)
        added = statistics.median(row["observed"][what] - row["bare"][what] for row in rows)
        lines.append([what, f"{bare:,.0f} ns", f"{added:+,.0f} ns"])
    return lines


def main():
    print(f"One call, least of {RUNS} short runs, median of {ROUNDS} alternating rounds\n")
    with folder() as made:
        subprocess.run(["sh", FAKES / "build.sh", made], check=True)
        program = Program(made, f"load {made}")
        try:
            lines = measure(program, CALLS)
        finally:
            program.stop()
        real = list((ROOT / "build/test-peers").glob(
            "torch/lib/python3*/site-packages/nvidia/cu13/lib/libcudart.so.13"))
        if real and not pathlib.Path("/dev/nvidiactl").exists():
            (made / "libcudart.so.13").unlink()
            (made / "libcudart.so.13").symlink_to(real[0].resolve())
            program = Program(made, f"load {made}")
            try:
                lines += measure(program, REAL)
            finally:
                program.stop()
    table(["", "bare", "added"], lines)


if __name__ == "__main__":
    main()
