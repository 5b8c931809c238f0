# SPDX-License-Identifier: Apache-2.0
"""The agent by itself: recall and duplicates, CPU a span, memory, and the time to its first span."""
import collections
import json
import re
import statistics
import subprocess
import time

from bench import (BINARY, ROUNDS, SECONDS, TOOLS, Agent, Nginx, Process, Spending, environment, folder,
                   paced, resident_kib, running, table, until)

NUMBERED = re.compile(r'"url\.path":\s*"/n/(\d+)"')


def main():
    with folder() as work, running(lambda: Nginx(work / "target")) as (target,):
        steady(work, target)
        identity(work, target)
        first_span(work, target)


def steady(work, target):
    """Every load against one target, metrics only: counts, CPU of the agent, memory."""
    lines = []
    for rate in (100, 1000, 10000, 0):
        agent = Agent(work, [target.pid])
        try:
            before = agent.settled()
            spending = Spending([target], agent)
            row = paced(target.port, "/index.html", 32, rate, SECONDS * 2)
            _, own = spending.end()
            after = agent.settled()
            spans = after[0]["server"] - before[0]["server"]
            lost = sum(after[1].values()) - sum(before[1].values())
            lines.append([f"{rate:,}" if rate else f"as it goes: {row['requests'] / row['seconds']:,.0f}",
                          f"{row['requests']:.0f}", spans, f"{spans / row['requests']:.4f}", lost,
                          f"{own / 1e3 / spans:.2f} µs",
                          f"{resident_kib(agent.pid) / 1024:.1f}, {resident_kib(agent.pid, 'VmHWM') / 1024:.1f} MiB"])
        finally:
            agent.stop()
    print(f"nginx, 612-byte file, 32 connections, {SECONDS * 2:.0f} s each, agent with metrics\n")
    table(["requests/s", "requests", "spans", "recall", "counted as lost", "agent's CPU a span",
           "agent resident, at most"], lines)


def identity(work, target):
    """Each request has its own path; each must come out as exactly one span, by console JSON."""
    lines = []
    for rate in (100, 1000, 10000):
        out = work / "spans.json"
        agent = Process([BINARY, "run", "--pid", target.pid, "--console", "json"], out,
                        env=environment())
        try:
            until(lambda: b"observing" in out.read_bytes(), "the agent")
            row = paced(target.port, "/n/%", 32, rate, SECONDS)
            time.sleep(1)
        finally:
            agent.stop()
        said = [line for line in out.read_text(errors="replace").splitlines()
                if not line.startswith("{") and "observing" not in line]
        seen = collections.Counter(map(int, NUMBERED.findall(out.read_text(errors="replace"))))
        asked = int(row["requests"])
        lines.append([f"{rate:,}", asked, len(seen.keys() & set(range(asked))),
                      sum(count - 1 for count in seen.values()), len(seen.keys() - set(range(asked))),
                      " ".join(said)[:200] or "none"])
    print(f"The same with each request's own path and `--console json` to a file, {SECONDS:.0f} s each\n")
    table(["requests/s", "requests", "found", "duplicates", "invented", "the agent's warnings"], lines)


def first_span(work, target):
    """From the agent's start to its first line of a span, under a load that was there before."""
    times, ready = [], []
    for _ in range(ROUNDS):
        with subprocess.Popen([TOOLS / "paced_load", str(target.port),
                               "/n/%", "4", "500", "6"], stdout=subprocess.DEVNULL) as load:
            time.sleep(0.3)
            began = time.monotonic()
            agent = subprocess.Popen([BINARY, "run", "--pid", str(target.pid), "--console", "json",
                                      "--log-level", "off"],
                                     stderr=subprocess.PIPE, env=environment())
            try:
                json.loads(agent.stderr.readline())
                times.append(time.monotonic() - began)
            finally:
                agent.terminate()
                agent.stderr.read()
                agent.stderr.close()
                agent.wait(30)
            load.terminate()
    print(f"From the agent's start to its first span, under 500 requests/s, {ROUNDS} times: median "
          f"{statistics.median(times):.2f} s, at most {max(times):.2f} s\n")


if __name__ == "__main__":
    main()
