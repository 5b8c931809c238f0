# SPDX-License-Identifier: Apache-2.0
"""tacit doctor and tacit version, on this machine where the main job can run."""
import os
import subprocess

from harness.processes import free_port
from harness.tacit import BINARY, environment


def tacit(*arguments, **settings):
    return subprocess.run([BINARY, *arguments], env=environment(None), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, **settings)


def test_version():
    result = tacit("version")
    assert result.returncode == 0
    assert result.stdout.startswith("tacit 0.1.0")


def test_doctor_is_well_here():
    result = tacit("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    for word in ("BTF", "ring buffer", "cgroup"):
        assert word.lower() in result.stdout.lower()


def test_doctor_tries_the_destination():
    result = tacit("doctor", "--otlp-endpoint", f"http://127.0.0.1:{free_port()}")
    assert "refused" in result.stdout.lower()


def drop_to_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_without_privileges(tmp_path):
    """Said in a sentence with the fix, by doctor and by exec, which then does not run the command."""
    binary = tmp_path / "tacit"
    binary.write_bytes(BINARY.read_bytes())
    binary.chmod(0o755)
    for place in (tmp_path, *tmp_path.parents):
        if place.is_relative_to("/tmp") and place != place.parent and str(place) != "/tmp":
            place.chmod(0o755)
    doctor = subprocess.run([binary, "doctor"], preexec_fn=drop_to_nobody, capture_output=True,
                            text=True, timeout=30, stdin=subprocess.DEVNULL, env=environment(None),
                            cwd="/")
    assert doctor.returncode != 0
    assert "sudo" in doctor.stdout or "CAP_BPF" in doctor.stdout
    run = subprocess.run([binary, "exec", "--", "echo", "ran"], preexec_fn=drop_to_nobody,
                         capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                         env=environment(None), cwd="/")
    assert run.returncode != 0
    assert run.stdout == ""
    assert "sudo" in run.stderr or "CAP_BPF" in run.stderr


def test_mistakes_are_explained():
    result = tacit("exec", "--consol", "json", "--", "true")
    assert result.returncode != 0 and "--console" in result.stderr
    result = tacit("execc", "--", "true")
    assert result.returncode != 0 and "exec" in result.stderr
    assert tacit("--help").returncode == 0
