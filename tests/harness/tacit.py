# SPDX-License-Identifier: Apache-2.0
"""The agent under test, as a user starts it: `tacit exec` and `tacit run`."""
import json
import os
import pathlib
import select
import signal
import subprocess
import sys

from harness import spans as span_reader
from harness.processes import PATIENCE, ROOT, Starter, wait_until

BINARY = pathlib.Path(os.environ.get("TACIT_BINARY", ROOT / "build/release/tacit"))
LAUNCHER = pathlib.Path(__file__).with_name("launcher.py")


def environment(extra):
    """The test's own environment, without settings that the agent would read."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("OTEL_", "TACIT_"))}
    clean.update(extra or {})
    return clean


class Output:
    """What the agent prints on standard error, in a file."""

    def __init__(self, path):
        self.path = path

    def text(self):
        return self.path.read_text(errors="replace")

    def spans(self):
        """Those of requests. The programs that made them: programs()."""
        return span_reader.split(self.all_spans())[0]

    def programs(self):
        return span_reader.split(self.all_spans())[1]

    def all_spans(self):
        return span_reader.parse(self.text())[0]

    def log(self):
        return "\n".join(span_reader.parse(self.text())[1])


class Exec(Starter):
    """`tacit exec OPTIONS -- launcher`: start() and run() make processes the agent observes."""

    def __init__(self, directory, *options, env=None):
        super().__init__(directory)
        self.output = Output(self.directory / "tacit.err")
        with open(self.output.path, "wb") as err:
            self.agent = subprocess.Popen(
                [str(BINARY), "exec", *map(str, options), "--", sys.executable, "-S", str(LAUNCHER)],
                env=environment(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err)

    def ask(self, patience, **request):
        self.agent.stdin.write((json.dumps(request) + "\n").encode())
        self.agent.stdin.flush()
        ready, _, _ = select.select([self.agent.stdout], [], [], patience * PATIENCE)
        line = self.agent.stdout.readline() if ready else b""
        assert line, f"the launcher under tacit exec does not answer: {self.output.text()[-3000:]}"
        reply = json.loads(line)
        assert "error" not in reply, reply["error"]
        return reply

    def spawn(self, request):
        return self.ask(20, do="start", **request)["pid"]

    def wait(self, pid, timeout):
        return self.ask(timeout + 10, do="wait", pid=pid, timeout=timeout)["returncode"]

    def finish(self, timeout=30):
        """Ends the launcher, and with it the agent; returns the spans of all requests. More of them,
        and those of programs: output."""
        if self.agent.returncode is None:
            self.agent.stdin.close()
            self.agent.wait(timeout * PATIENCE)
            self.agent.stdout.close()
        assert self.agent.returncode == 0, (
            f"tacit exec exited with {self.agent.returncode}: {self.output.text()[-3000:]}")
        return self.output.spans()

    def close(self):
        if self.agent.returncode is None:
            try:
                self.agent.stdin.close()
            except BrokenPipeError:
                pass
            try:
                self.agent.wait(10)
            except subprocess.TimeoutExpired:
                self.agent.kill()
                self.agent.wait()
            self.agent.stdout.close()
        self.clean()


class Run:
    """`tacit run OPTIONS`: observes what the selectors match."""

    def __init__(self, directory, *options, env=None, ready="observing"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.output = Output(self.directory / "tacit.err")
        with open(self.output.path, "wb") as err:
            self.agent = subprocess.Popen(
                [str(BINARY), "run", *map(str, options)], env=environment(env),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        if ready:
            wait_until(lambda: ready in self.output.text() or self.agent.poll() is not None,
                       f"'{ready}' in the agent's log")
            assert self.agent.poll() is None, f"tacit run ended: {self.output.text()[-3000:]}"

    def finish(self, timeout=30):
        """Ends the agent by SIGTERM, as a service manager does; returns the spans of all requests."""
        if self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(timeout)
        assert self.agent.returncode == 0, (
            f"tacit run exited with {self.agent.returncode}: {self.output.text()[-3000:]}")
        return self.output.spans()

    def kill(self):
        self.agent.kill()
        self.agent.wait()

    def close(self):
        if self.agent.poll() is None:
            self.agent.terminate()
            try:
                self.agent.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
