# SPDX-License-Identifier: Apache-2.0
"""tacit exec is transparent: output, exit status and signals are the command's."""
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time

import pytest

from harness.processes import wait_until
from harness.tacit import BINARY, environment


def tacit_exec(*command, options=(), **settings):
    return subprocess.run([BINARY, "exec", *options, "--", *command], env=environment(None),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40,
                          **settings)


@pytest.mark.parametrize("status", [0, 1, 37, 255])
def test_exit_status(status):
    assert tacit_exec("sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_killed_command(number):
    """As a shell says it: 128 and the signal's number."""
    assert tacit_exec("sh", "-c", f"kill -{int(number)} $$").returncode == 128 + number


def test_no_such_command():
    result = tacit_exec("/no/such/command")
    assert result.returncode == 127
    assert "/no/such/command" in result.stderr
    assert result.stdout == ""


def test_not_executable(tmp_path):
    (tmp_path / "data").write_text("no program")
    assert tacit_exec(str(tmp_path / "data")).returncode == 126


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1,
                                    signal.SIGUSR2, signal.SIGQUIT])
def test_signals_pass_through(tmp_path, number):
    """The command's own handler decides what a signal to the agent means."""
    out = tmp_path / "out"
    program = ("import signal, sys, time\n"
               f"signal.signal({int(number)}, lambda n, f: (print('got', n, flush=True), sys.exit(9)))\n"
               "print('ready', flush=True)\n"
               "time.sleep(30)\n")
    with open(out, "wb") as file:
        agent = subprocess.Popen([BINARY, "exec", "--", sys.executable, "-c", program], stdout=file,
                                 stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                 env=environment(None))
    try:
        wait_until(lambda: "ready" in out.read_text(), "the command")
        agent.send_signal(number)
        assert agent.wait(20) == 9
    finally:
        agent.kill() if agent.poll() is None else None
    assert out.read_text() == f"ready\ngot {int(number)}\n"


def test_ctrl_c_at_a_terminal():
    """A terminal's Ctrl-C reaches the whole group: the command gets it once and ends."""
    leader, follower = pty.openpty()
    program = ("import signal, time\n"
               "got = []\n"
               "signal.signal(signal.SIGINT, lambda number, frame: got.append(number))\n"
               "print('ready', flush=True)\n"
               "end = time.monotonic() + 20\n"
               "while not got and time.monotonic() < end: time.sleep(0.05)\n"
               "time.sleep(0.5)\n"
               "print('count', len(got), flush=True)\n")
    agent = subprocess.Popen([BINARY, "exec", "--console", "off", "--", sys.executable, "-c", program],
                             stdin=follower, stdout=follower, stderr=follower,
                             start_new_session=True, env=environment(None),
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(follower)
    text = b""
    while b"ready" not in text:
        text += os.read(leader, 1000)
    os.write(leader, b"\x03")
    try:
        while b"\n" not in text.partition(b"count")[2]:  # the whole line: it comes in pieces
            text += os.read(leader, 1000)
        assert agent.wait(20) == 0
    finally:
        agent.kill() if agent.poll() is None else None
        os.close(leader)
    assert b"count 1" in text


def test_output_stays_the_commands_own():
    """Spans go to standard error; standard output has what the command wrote, byte for byte."""
    result = tacit_exec("sh", "-c", "printf 'a\\000b\\n'; printf 'oops\\n' >&2")
    assert result.stdout == "a\0b\n"
    assert "oops\n" in result.stderr


def test_standard_input_is_the_commands():
    result = subprocess.run([BINARY, "exec", "--", "cat"], input=b"typed\n", capture_output=True,
                            env=environment(None), timeout=40)
    assert (result.returncode, result.stdout) == (0, b"typed\n")


def test_environment_and_directory(tmp_path):
    result = tacit_exec("sh", "-c", "pwd; echo $PLANTED", cwd=tmp_path)
    assert result.stdout == f"{tmp_path}\n\n"


def test_no_destination_prints_to_standard_error(tmp_path):
    """Nothing configured, standard error no terminal: JSON, one object a line."""
    program = ("import http.server, threading, urllib.request\n"
               "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
               "s.RequestHandlerClass.log_message = lambda *a: None\n"
               "threading.Thread(target=s.serve_forever, daemon=True).start()\n"
               "urllib.request.urlopen('http://127.0.0.1:%d/' % s.server_port).read()\n")
    result = tacit_exec(sys.executable, "-c", program, cwd=tmp_path)
    assert result.returncode == 0
    spans = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert sorted(span["kind"] for span in spans) == ["CLIENT", "SERVER"]


def test_text_form(tmp_path):
    program = ("import http.server, threading, urllib.request\n"
               "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
               "s.RequestHandlerClass.log_message = lambda *a: None\n"
               "threading.Thread(target=s.serve_forever, daemon=True).start()\n"
               "urllib.request.urlopen('http://127.0.0.1:%d/' % s.server_port).read()\n")
    result = tacit_exec(sys.executable, "-c", program, options=("--console", "text"), cwd=tmp_path)
    lines = [line for line in result.stderr.splitlines() if " GET " in line]
    assert sorted(("<-" in line, "->" in line) for line in lines) == [(False, True), (True, False)]
    assert all(" 200 " in line for line in lines)


def test_background_children_are_not_waited_for():
    """The agent ends with the command, as a shell would, not with what it left behind."""
    began = time.monotonic()
    result = subprocess.run([BINARY, "exec", "--", "sh", "-c", "sleep 15 >/dev/null 2>&1 & echo $!"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, env=environment(None), timeout=40)
    took = time.monotonic() - began
    os.kill(int(result.stdout), signal.SIGKILL)
    assert result.returncode == 0
    assert took < 10
