# SPDX-License-Identifier: Apache-2.0
"""Kernel records from a program that hands over made-up blocks at a fixed rate: what came, what the agent
spent, what the hand-over cost the program. Usage: measure_gpu_records.py [SECONDS]"""
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness.metrics_page import Page  # noqa: E402
from harness.processes import ROOT, free_port, listening_ports, wait_until  # noqa: E402
from harness.tacit import Exec  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10


def cpu_seconds(pid):
    """Of all threads, from schedstat: exact to the nanosecond."""
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def resident_mib(pid, field="VmRSS"):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", text).group(1)) / 1024


def measure(program, work, rate):
    port = free_port()
    agent = Exec(work / str(rate), f"--prometheus=127.0.0.1:{port}", "--log-level", "error")
    try:
        wait_until(lambda: port in listening_ports(), "the metrics page")
        own = agent.agent.pid
        process = agent.start(program, "pace", rate, SECONDS)
        page = Page(port)
        wait_until(lambda: page.read().total("tacit_gpu_records_total") > 0, "records")
        before, start = cpu_seconds(own), time.monotonic()
        target = cpu_seconds(process.pid)
        time.sleep(SECONDS - 2)
        seconds = time.monotonic() - start
        spent = (cpu_seconds(own) - before) / seconds
        target = (cpu_seconds(process.pid) - target) / seconds
        assert process.wait() == 0
        sent = int(re.search(r"sent (\d+)", process.stdout()).group(1))
        time.sleep(1)
        page.read()
        received = page.total("tacit_gpu_records_total")
        lost = page.total("tacit_gpu_records_lost_total")
        print(f"| {rate:,} | {sent:,} | {received:,.0f} | {lost:,.0f} | {sent - received - lost:,.0f} "
              f"| {100 * spent:.2f} % | {1e9 * spent / rate:.0f} ns | {100 * target:.2f} % "
              f"| {resident_mib(own):.1f}, {resident_mib(own, 'VmHWM'):.1f} MiB |", flush=True)
    finally:
        agent.close()


def hand_over_cost(program, work):
    """Of a full block, ns a record: the probe, the copy and what the program does around them."""
    agent = Exec(work / "cost", "--console", "off", f"--prometheus=127.0.0.1:{free_port()}")
    try:
        process = agent.start(program, "cost")
        assert process.wait() == 0
        print(f"\nhand-over: {process.stdout().strip()} a record, the best of 40 bursts of 100 blocks")
    finally:
        agent.close()


def main():
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        program = work / "gpu_batches"
        subprocess.run(["cc", "-O2", f"-I{ROOT}", "-o", program,
                        ROOT / "tests/workloads/gpu_batches.c"], check=True)
        print("| records/s | sent | received | counted as lost | neither | agent, of a core | a record "
              "| program, of a core | agent resident, at most |\n|---|---|---|---|---|---|---|---|---|")
        for rate in (10000, 20000, 50000, 200000, 500000):
            measure(program, work, rate)
        hand_over_cost(program, work)


if __name__ == "__main__":
    main()
