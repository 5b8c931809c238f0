# SPDX-License-Identifier: Apache-2.0
"""Processes the tests start: as children of the test (Host) or of the agent (tacit.Exec)."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
WORKLOADS = TESTS / "workloads"
ROOT = TESTS.parent
# Multiplies every time a test waits: more than 1 in a guest without hardware's help.
PATIENCE = float(os.environ.get("TACIT_TEST_PATIENCE", "1"))


def free_port():
    """A TCP port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def complete_lines(text):
    """Lines that were written whole: the last may still be on its way."""
    return text[:text.rfind("\n") + 1].splitlines()


def wait_until(condition, what, timeout=20.0):
    """Polls until condition() is true, and returns its value."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(0.01)


def listening_ports():
    """TCP ports somebody listens on. Read from the kernel's table: no connection is made."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in list(lines)[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def _numbers(line):
    """nginx writes sizes as text, empty where there is none."""
    for name in ("request_bytes", "response_bytes"):
        if line.get(name) == "":
            del line[name]
        elif isinstance(line.get(name), str):
            line[name] = int(line[name])
    return line


class Process:
    """One started process. Its own log of requests is requests(); see request_log.py."""

    def __init__(self, owner, pid, directory, number):
        self.owner = owner
        self.pid = pid
        self.stdout_path = directory / f"{number}.out"
        self.stderr_path = directory / f"{number}.err"
        self.log_path = directory / f"{number}.requests"
        self.returncode = None
        self.port = None  # set by the functions of peers.py
        self.uds = None

    def wait(self, timeout=40.0):
        if self.returncode is None:
            self.returncode = self.owner.wait(self.pid, timeout * PATIENCE)
        assert self.returncode is not None, f"process {self.pid} still runs after {timeout:g} s"
        return self.returncode

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM):
        """Ends the process and waits for it."""
        self.send_signal(number)
        return self.wait()

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def requests(self):
        if not self.log_path.exists():
            return []
        return [_numbers(json.loads(line)) for line in complete_lines(self.log_path.read_text())]

    def url(self, host="127.0.0.1"):
        return f"http://{host}:{self.port}"


class Starter:
    """start() and run(); a subclass says how a process is made and waited for."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.started = []
        self.sockets = []  # unix sockets' paths, removed at the end

    def clean(self):
        for path in self.sockets:
            pathlib.Path(path).unlink(missing_ok=True)

    def start(self, *argv, env=None, cwd=None, stdin=os.devnull):
        number = len(self.started)
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("OTEL_", "TACIT_"))}
        environment.update(PYTHONPATH=str(WORKLOADS), PYTHONUNBUFFERED="1",
                           PYTHONDONTWRITEBYTECODE="1", NO_PROXY="*",
                           REQUEST_LOG=str(self.directory / f"{number}.requests"))
        environment.update(env or {})
        request = {"argv": [str(part) for part in argv], "env": environment,
                   "cwd": str(cwd or self.directory), "stdin": str(stdin),
                   "stdout": str(self.directory / f"{number}.out"),
                   "stderr": str(self.directory / f"{number}.err")}
        process = Process(self, self.spawn(request), self.directory, number)
        self.started.append(process)
        return process

    def run(self, *argv, timeout=40.0, status=0, **options):
        """Starts, waits, and demands this exit status."""
        process = self.start(*argv, **options)
        code = process.wait(timeout)
        assert code == status, (f"{' '.join(map(str, argv))} exited with {code}\n"
                                f"{process.stdout()[-2000:]}\n{process.stderr()[-4000:]}")
        return process

    def python(self, script, *argv, **options):
        return self.start(sys.executable, WORKLOADS / script, *argv, **options)

    def run_python(self, script, *argv, **options):
        return self.run(sys.executable, WORKLOADS / script, *argv, **options)


class Host(Starter):
    """Starts processes that the agent did not start."""

    def __init__(self, directory):
        super().__init__(directory)
        self.children = {}

    def spawn(self, request):
        with open(request["stdout"], "ab") as out, open(request["stderr"], "ab") as err, \
                open(request["stdin"], "rb") as inp:
            child = subprocess.Popen(request["argv"], env=request["env"], cwd=request["cwd"],
                                     stdin=inp, stdout=out, stderr=err)
        self.children[child.pid] = child
        return child.pid

    def wait(self, pid, timeout):
        try:
            return self.children[pid].wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        for child in self.children.values():
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.clean()
