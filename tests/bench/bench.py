# SPDX-License-Identifier: Apache-2.0
"""What every measurement uses: servers, loads, the agent, and how their CPU time is read. Observes
and loads only processes that it started, on the loopback interface, and ends them by process id."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("TACIT_BINARY", str(ROOT / "build/release/tacit"))
TOOLS = pathlib.Path(os.environ.get("TACIT_BENCH_TOOLS", ROOT / "build/bench-tools"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "4"))
FILE_BYTES = 612


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(**extra):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("OTEL_", "TACIT_")) and not name.lower().endswith("_proxy")}
    return clean | {name: str(value) for name, value in extra.items()}


def fetch(port, path="/", timeout=5):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
        return answer.read().decode()


def until(condition, what, seconds=30, step=0.01):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"benchmark: gave up waiting for {what}")
        time.sleep(step)


def answers(port, path):
    def one():
        with contextlib.suppress(OSError):
            fetch(port, path)
            return True
    until(one, f"an answer from port {port}", step=0.1)


def cpu_ns(*pids):
    """Run time of all threads of these processes, and of their children."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += int((task / "schedstat").read_text().split()[0])
                total += cpu_ns(*map(int, (task / "children").read_text().split()))
    return total


class Spending:
    """CPU time of a measurement: of the servers while it runs, of the agent also for the second
    after it in which it reads and sends what is left."""

    def __init__(self, servers, agent):
        self.servers, self.agent = [s.pid for s in servers], agent
        self.began = cpu_ns(*self.servers), cpu_ns(agent.pid) if agent else 0

    def end(self):
        """(servers, agent), in ns."""
        servers = cpu_ns(*self.servers) - self.began[0]
        if not self.agent:
            return servers, 0
        time.sleep(1)
        return servers, cpu_ns(self.agent.pid) - self.began[1]


def resident_kib(pid, field="VmRSS"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", status, re.M).group(1))


class Process:
    """A process of ours; stop() ends it by its id."""

    def __init__(self, command, log, **more):
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, **more)
        self.pid = self.process.pid

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class Nginx(Process):
    def __init__(self, directory):
        self.port = free_port()
        directory = pathlib.Path(directory)
        (directory / "www").mkdir(parents=True)
        (directory / "www/index.html").write_bytes(b"x" * FILE_BYTES)
        for folder in (directory, directory / "www"):
            folder.chmod(0o755)
        text = (HERE / "nginx.conf").read_text()
        text = text.replace("DIRECTORY", str(directory)).replace("PORT", str(self.port))
        (directory / "nginx.conf").write_text(text)
        super().__init__(["nginx", "-p", directory, "-c", directory / "nginx.conf"],
                         directory / "output.log")
        answers(self.port, "/index.html")


class Service(Process):
    """uvicorn with call_app; `sink_port` puts the OpenTelemetry SDK in, as its users do."""

    def __init__(self, directory, name, next_port=None, sink_port=None, loop="auto"):
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "call_app:app", "--host", "127.0.0.1", "--port",
                   self.port, "--loop", loop, "--log-level", "warning", "--no-access-log",
                   "--timeout-keep-alive", "60"]  # longer than a pause between measurements
        extra = {"NEXT_URL": f"http://127.0.0.1:{next_port}"} if next_port else {}
        if sink_port:
            command = [str(pathlib.Path(sys.executable).parent / "opentelemetry-instrument"),
                       *command]
            extra |= {"OTEL_SERVICE_NAME": name, "OTEL_TRACES_EXPORTER": "otlp",
                      "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
                      "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                      "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink_port}",
                      "OTEL_BSP_SCHEDULE_DELAY": 500}
        super().__init__(command, pathlib.Path(directory) / f"{name}.log", cwd=HERE,
                         env=environment(**extra))
        answers(self.port, "/ping")


class Agent(Process):
    """`tacit run` on these processes, ready to count."""

    def __init__(self, directory, pids, *options, **settings):
        self.page_port = free_port()
        selectors = [word for pid in pids for word in ("--pid", pid)]
        super().__init__([BINARY, "run", *selectors, f"--prometheus=127.0.0.1:{self.page_port}",
                          *options], pathlib.Path(directory) / "agent.log",
                         env=environment(OTEL_METRIC_EXPORT_INTERVAL=5000, **settings))
        until(lambda: "observing" in self.log.read_text(errors="replace")
              or self.process.poll() is not None, "the agent")
        if self.process.poll() is not None:
            raise SystemExit(f"benchmark: the agent ended: {self.log.read_text()[-2000:]}")

    def page(self):
        return fetch(self.page_port, "/metrics")

    def totals(self):
        """What the agent counted so far: spans by kind, everything lost by reason."""
        found = {"server": 0, "client": 0}
        lost = {}
        for name, labels, value in re.findall(r'^(tacit_\w+)\{(.*)\} (\S+)$', self.page(), re.M):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if name == "tacit_spans_total":
                found[label["kind"]] = int(float(value))
            elif name == "tacit_events_dropped_total" and float(value):
                lost[label["reason"]] = int(float(value))
            elif name in ("tacit_exporter_dropped_total", "tacit_exporter_failed_total") and \
                    float(value):
                lost[name[6:-6] + " " + label["destination"]] = int(float(value))
        return found, lost

    def settled(self):
        """totals() once the spans of what was asked so far have come."""
        last, now = None, self.totals()
        while now != last:
            time.sleep(0.5)
            last, now = now, self.totals()
        return now


def paced(port, path, connections, rate, seconds):
    """paced_load's figures; latencies in µs."""
    done = subprocess.run([TOOLS / "paced_load", str(port), path, str(connections), str(rate),
                           str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"benchmark: paced_load ended with {done.returncode}: {done.stderr}")
    return {key: float(value) for key, value in (word.split("=") for word in done.stdout.split())}


def wrk(port, path, connections, seconds):
    """wrk's figures, with its own CPU time: as paced(), and cpu_ns."""
    process = subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}", "-s",
                                str(HERE / "wrk_report.lua"), f"http://127.0.0.1:{port}{path}"],
                               stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    words = next(line for line in text.splitlines() if line.startswith("RESULT")).split()[1:]
    requests, micros, p50, p99, errors = map(int, words)
    return {"requests": requests, "seconds": micros / 1e6, "p50": p50, "p99": p99,
            "errors": errors, "cpu_ns": (usage.ru_utime + usage.ru_stime) * 1e9}


def turns(modes):
    """(round, mode): forwards in odd rounds, backwards in even ones."""
    for number in range(1, ROUNDS + 1):
        yield from ((number, mode) for mode in (modes if number % 2 else modes[::-1]))


def ratio(rows, mode, figure, base="bare"):
    """Median over the rounds of this mode's figure by the base's in the same round."""
    return statistics.median(rows[number, mode][figure] / rows[number, base][figure]
                             for number in sorted({key[0] for key in rows}))


def middle(rows, mode, figure):
    return statistics.median(row[figure] for (_, m), row in rows.items() if m == mode)


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="tacit-bench.")
    os.chmod(path, 0o755)
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(*makers):
    """Starts these, one after the other, and stops whatever was started."""
    with contextlib.ExitStack() as stack:
        started = []
        for make in makers:
            process = make(*started)
            stack.callback(process.stop)
            started.append(process)
        yield started


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def record(name, rows):
    """Every single measurement, for who doubts the medians; one JSON object a line."""
    path = os.environ.get("BENCH_RECORD")
    if path:
        with open(path, "a") as out:
            for (number, mode), row in rows.items():
                out.write(json.dumps({"table": name, "round": number, "mode": mode} | row) + "\n")
