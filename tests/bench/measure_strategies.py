# SPDX-License-Identifier: Apache-2.0
"""What each way to find a parent costs for one request: the probes in a runtime, by how often a request
passes them, their programs' run time and the trap's own cost; and in the agent, by a micro benchmark."""
import ctypes
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

from bench import (HERE, ROOT, ROUNDS, TOOLS, Agent, Process, Service, environment, folder, paced,
                   table, until)

BURST = 5000
# What a loop passes; both sites of the queue are one loop.
LOOPS = {"python": {"created": ["python_context_created"], "entered": ["python_context_entered"],
                    "written": ["uvloop_stream_write"],
                    "given and taken": ["python_work_given", "python_work_taken"]},
         "go": {"started": ["go_goroutine_started"]},
         "node": {"immediate": ["loop_phase_begins"]}}
# Probes that no loop can pass alone: the trap of another on an instruction that is emulated, too.
AS = {"go_request_claimed": "go_goroutine_started", "go_loop_started": "go_goroutine_started"}
OFF = {"TACIT_TRACES_RUNTIME_PROBES": "false"}
BPF_ENABLE_STATS, SYS_BPF = 32, 321  # include/uapi/linux/bpf.h; x86-64


class Statistics:
    """The kernel counts runs of BPF programs while this is open."""

    def __enter__(self):
        attributes = ctypes.create_string_buffer(128)
        self.fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, BPF_ENABLE_STATS, attributes, 128)
        if self.fd < 0:
            raise SystemExit(f"benchmark: no BPF statistics: {os.strerror(ctypes.get_errno())}")
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def names_of(agent):
    """Of the agent's BPF programs, by id."""
    listed = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], check=True,
                                       capture_output=True, text=True).stdout)
    names = {str(each["id"]): each.get("name", "") for each in listed}
    return {identity: names[identity] for identity in counters(agent)}


def counters(agent):
    """By id: (runs, ns) of the agent's BPF programs so far."""
    found = {}
    for info in pathlib.Path(f"/proc/{agent.pid}/fdinfo").iterdir():
        try:
            text = info.read_text()
        except FileNotFoundError:  # closed meanwhile
            continue
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        if "run_cnt" in fields:
            found[fields["prog_id"]] = (int(fields["run_cnt"]), int(fields["run_time_ns"]))
    return found


def difference(before, after, names):
    return {names[each]: (runs - before[each][0], ns - before[each][1])
            for each, (runs, ns) in after.items()}


class Watch(threading.Thread):
    """Reads the counters four times a second: a program's run time is wall clock time, so only the
    median of many short windows is not that of whatever else ran in between."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent, self.names, self.over = agent, names_of(agent), threading.Event()
        self.readings = [counters(agent)]
        self.start()

    def run(self):
        while not self.over.wait(0.25):
            self.readings.append(counters(self.agent))

    def end(self):
        """By name: (runs, ns a run)."""
        self.over.set()
        self.join()
        self.readings.append(counters(self.agent))
        steps = [difference(*pair, self.names) for pair in zip(self.readings, self.readings[1:])]
        whole = difference(self.readings[0], self.readings[-1], self.names)
        return {name: (runs, statistics.median(step[name][1] / step[name][0] for step in steps
                                               if step[name][0]))
                for name, (runs, _) in whole.items() if runs}


class Looper:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment())
        self.process.stdout.readline()

    def burst(self, name):
        time.sleep(0.05)  # the agent reads what the last one told
        self.process.stdin.write(f"{name}:{BURST}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


def traps(work, runtime, command, found):
    """Adds to `found` each program's trap: ns a hit beyond the program's own run time."""
    loops = LOOPS[runtime]
    seen = {name: {"off": [], "on": []} for name in loops}
    own, runs = {name: [] for name in loops}, {}
    looper = Looper(command)
    try:
        for number in range(ROUNDS):
            for mode in ("off", "on") if number % 2 else ("on", "off"):
                agent = Agent(work, [looper.process.pid], "--console", "json",
                              **(OFF if mode == "off" else {}))
                try:
                    time.sleep(0.5)  # probes are attached after the agent says that it observes
                    for name in loops:
                        looper.burst(name)
                        seen[name][mode] += [looper.burst(name) for _ in range(5)]
                    if mode == "on":
                        names = names_of(agent)
                        with Statistics():
                            for name, probes in loops.items():
                                for _ in range(5):
                                    before = counters(agent)
                                    looper.burst(name)
                                    passed = difference(before, counters(agent), names)
                                    own[name].append(sum(passed[probe][1] for probe in probes))
                                    runs[name] = sum(passed[probe][0] for probe in probes) / BURST
                finally:
                    agent.stop()
    finally:
        looper.stop()
    for name, probes in loops.items():
        # The least of each: whatever else runs here only adds.
        added = min(seen[name]["on"]) - min(seen[name]["off"]) - min(own[name]) / BURST
        for probe in probes:
            found[probe] = added / runs[name] if runs[name] else None


def scenario(work, name, make, path, found):
    """Adds hits a request and ns a hit of every probe that a request to the first service passes."""
    services = make()
    try:
        paced(services[-1].port, path, 8, 20, 1)
        agent = Agent(work, [services[-1].pid], "--console", "json")
        try:
            time.sleep(0.5)
            paced(services[-1].port, path, 8, 20, 1)
            agent.settled()
            with Statistics():
                watch = Watch(agent)
                requests = paced(services[-1].port, path, 8, 30, 8)["requests"]
                passed = watch.end()
        finally:
            agent.stop()
    finally:
        for service in services[::-1]:
            service.stop()
    known = {probe for loops in LOOPS.values() for probes in loops.values() for probe in probes}
    for probe, (runs, ns) in passed.items():
        if probe in known | AS.keys() and runs > 0.05 * requests:
            found.append((name, probe, runs / requests, ns))


class Other(Process):
    """A service of tests/workloads, which says where it listens."""

    def __init__(self, work, name, command, next_port=0):
        super().__init__(command, work / f"{name}.log", env=environment(
            NEXT_URL=f"http://127.0.0.1:{next_port}", REQUEST_LOG="/dev/null"))
        until(lambda: b"listening" in self.log.read_bytes(), name)
        self.port = int(self.log.read_text().split()[1])


def built_go(name, source):
    """None where there is no Go."""
    if not shutil.which("go"):
        return None
    program = TOOLS / name
    subprocess.run(["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "."],
                   cwd=source, check=True)
    return program


def measured_probes(work):
    costs, passed = {}, []
    workloads = ROOT / "tests/workloads"
    traps(work, "python", [sys.executable, HERE / "probe_loops/loop.py"], costs)
    for loop in ("asyncio", "uvloop"):
        for what in ("chain", "executor"):
            def two(loop=loop):
                last = Service(work, "b", loop=loop)
                return [last, Service(work, "a", last.port, loop=loop)]
            scenario(work, f"FastAPI, {loop}, " + ("httpx in the handler" if what == "chain" else
                                                   "httpx in run_in_executor"), two,
                     f"/{what}/%", passed)
    chain = built_go("go_chain", workloads / "go_chain")
    if chain:
        traps(work, "go", [built_go("go_loop", HERE / "probe_loops")], costs)

        def go():
            last = Other(work, "backend", [chain, "backend"])
            return [last, Other(work, "go", [chain, "serve", f"http://127.0.0.1:{last.port}"])]
        scenario(work, "Go, two calls one after the other", go, "/seq", passed)
        scenario(work, "Go, three goroutines with one call each", go, "/par", passed)
    if chain and shutil.which("node"):
        traps(work, "node", ["node", HERE / "probe_loops/loop.js"], costs)

        def node():
            last = Other(work, "backend", [chain, "backend"])
            return [last, Other(work, "node", ["node", workloads / "node_chain.js", "agent"],
                                last.port)]
        scenario(work, "Node, one call", node, "/one", passed)
    return costs, passed


def report_probes(costs, passed):
    print(f"Probes in runtimes: the trap by loops of {BURST:,} with and without them, {ROUNDS} alternating "
          f"rounds, the least of five bursts each; programs by the kernel's statistics, the median of windows of a "
          f"quarter of a second; load average {os.getloadavg()[0]:.1f}\n")
    lines, sums = [], {}
    for name, probe, hits, ns in passed:
        trap = costs.get(AS.get(probe, probe))
        each = None if trap is None else hits * (trap + ns) / 1e3
        sums[name] = sums.get(name, 0) + (each or 0)
        lines.append([name, probe, f"{hits:.1f}", f"{ns:,.0f}", "–" if trap is None else
                      f"{trap:,.0f}" + (" (as " + AS[probe] + ")" if probe in AS else ""),
                      "–" if each is None else f"{each:.1f}"])
    lines += [[name, "all", "", "", "", f"{each:.1f}"] for name, each in sums.items()]
    table(["a request to", "probe", "hits a request", "program, ns a hit", "trap, ns a hit",
           "µs a request"], lines)


def report_agent(program):
    out = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=5",
                          "--benchmark_min_time=0.1"], check=True, capture_output=True, text=True).stdout
    times = {}
    for each in json.loads(out)["benchmarks"]:
        if each["run_type"] == "iteration":
            if each.get("error_occurred"):
                raise SystemExit(f"benchmark: {each['name']}: {each['error_message']}")
            times.setdefault(each["name"], []).append(each["cpu_time"])
    ns = {name: statistics.median(values) for name, values in times.items()}
    print("In the agent, from a request's head to its settled place, five repetitions: a request alone "
          f"{ns['request']:.0f} ns, a call without a parent {ns['none'] - ns['request']:.0f} ns more; "
          f"a started task {ns['task_started']:.0f} ns\n")
    lines = [[name, f"{ns[name]:.0f}", f"{ns[name] - ns['none']:+.0f}"] for name in
             ("thread", "thread_start", "callback", "task", "claim", "work")]
    lines.append(["socket: with the request at the call's other end, which so is not awaited any more",
                  f"{ns['socket']:.0f}", "–"])
    table(["parent found by", "ns for request and call", "against a call (and request) without"], lines)


def main():
    with folder() as work:
        report_probes(*measured_probes(work))
    program = os.environ.get("TACIT_BENCH_CORRELATOR", ROOT / "build/bench/tests/bench/bench_correlator")
    if pathlib.Path(program).exists():
        report_agent(program)


if __name__ == "__main__":
    main()
