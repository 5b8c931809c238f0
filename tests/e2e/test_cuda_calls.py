# SPDX-License-Identifier: Apache-2.0
"""CUDA's and NCCL's calls as metrics: counts equal what the program was told to make, with stand-ins for
the libraries and with NVIDIA's own runtime, which without a driver refuses each call with true codes."""
import os
import time

import pytest

from harness import peers
from harness.metrics_page import Page
from harness.processes import free_port, listening_ports, wait_until



class Told:
    """A program that does what it is told, line by line, and answers each."""

    def __init__(self, agent, directory, *argv):
        self.fifo = directory / "commands"
        os.mkfifo(self.fifo)
        # Both ends: so nobody waits for the other to open it.
        self.commands = os.fdopen(os.open(self.fifo, os.O_RDWR | os.O_CLOEXEC), "w", buffering=1)
        self.process = agent.start(*argv, stdin=str(self.fifo))
        self.answers = 0
        self.answer()

    def answer(self):
        self.answers += 1
        lines = wait_until(lambda: (text := self.process.stdout().splitlines())[self.answers - 1:]
                           and self.process.stdout().endswith("\n") and text, "an answer")
        return lines[self.answers - 1]

    def tell(self, command, expected="0"):
        self.commands.write(command + "\n")
        assert self.answer() == expected, command

    def tell_child(self, command):
        """To a child that it forks, which ends with that."""
        self.commands.write(f"fork {command}\n")
        assert self.answer().startswith("pid ")
        assert self.answer() == "0", command

    def end(self):
        self.commands.close()
        assert self.process.wait() == 0


def observed(tacit, *options):
    port = free_port()
    agent = tacit.exec("--console", "json", "--log-level", "debug", f"--prometheus=127.0.0.1:{port}",
                       *options)
    wait_until(lambda: port in listening_ports(), "the metrics page")
    return agent, Page(port)


LIBRARIES = ("libcuda.so.1", "libcudart.so.13", "libnccl.so.2")


def until_probed(agent, page, program, answer="0", libraries=LIBRARIES):
    """A library is looked into some milliseconds after it was mapped: waits until all its probes are in
    place, and a launch is seen. Returns how many were by then."""
    for library in libraries:
        line = f"process {program.process.pid}: the probes in {library}"
        wait_until(lambda: line in agent.output.text(), line)

    pid = str(program.process.pid)

    def seen():
        program.tell("launch 1", answer)
        return page.read().total("cuda_launches_total", process_pid=pid) > 0
    wait_until(seen, "a launch to be seen")
    return page.total("cuda_launches_total", process_pid=pid)


def test_counts_are_what_was_asked_for(tacit, fakes, tmp_path):
    agent, page = observed(tacit)
    program = Told(agent, tmp_path, fakes / "cuda_calls")
    before = until_probed(agent, page, program)
    tell = program.tell
    tell("launch 1000")
    tell("driver_launch 10")
    tell("graph 30")
    tell("copy 1 4096 20")
    tell("copy 2 100 7")
    tell("set 64 5")
    tell("malloc 1000000")
    tell("malloc 500")
    tell("free")
    tell("host 4096")
    tell("wait_us 10000")
    tell("sync 3")
    tell("reduce 1000 7 4096 12")
    tell("gather 10 9 8192 2")
    for code, command in [(2, "malloc 1048576"), (2, "malloc 64"), (719, "launch 1"), (700, "sync 1"),
                          (9, "driver_launch 1")]:
        tell(f"fail {code}")
        tell(command, str(code))
    page.until("nccl_operations_total", 14)
    assert page.total("cuda_launches_total", api="kernel") == before + 1000 + 10 + 14 + 2
    assert page.total("cuda_launches_total", api="graph") == 30
    assert page.total("cuda_copies_total", direction="host_to_device") == 20
    assert page.total("cuda_copy_bytes_total", direction="host_to_device") == 20 * 4096
    assert page.total("cuda_copy_bytes_total", direction="device_to_host") == 700
    assert page.total("cuda_copies_total") == 27
    assert page.total("cuda_memset_bytes_total") == 320
    assert page.total("cuda_allocations_total", memory="device") == 2
    assert page.total("cuda_frees_total", memory="device") == 1
    assert page.total("cuda_allocated_bytes", memory="device") == 1000000
    assert page.total("cuda_allocated_peak_bytes", memory="device") == 1000500
    assert page.total("cuda_allocated_bytes", memory="host") == 4096
    assert page.total("cuda_sync_waits_total") == 4
    assert 0.04 <= page.total("cuda_sync_wait_seconds_total") < 1
    assert page.total("nccl_operation_bytes_total", operation="ncclAllReduce") == 48000
    assert page.total("nccl_operation_bytes_total", operation="ncclAllGather", communicator="1") == 40
    assert page.total("nccl_communicators") == 2
    assert 0 <= page.total("nccl_seconds_since_operation") < 20
    assert page.total("cuda_out_of_memory_total") == 2
    errors = {(dict(labels)["call"], dict(labels)["error_type"]): value
              for labels, value in page.rows("cuda_call_errors_total").items()}
    # The driver's own failed launch is counted only: no runtime is there to remember its failure.
    assert errors == {("cudaMalloc", "cudaErrorMemoryAllocation"): 2,
                      ("cudaLaunchKernel", "cudaErrorLaunchFailure"): 1,
                      ("cudaStreamSynchronize", "cudaErrorIllegalAddress"): 1}
    labels = dict(next(iter(page.rows("cuda_launches_total"))))
    assert labels["process_pid"] == str(program.process.pid)
    assert labels["job"] == "cuda_calls"
    page.until("tacit_events_total", 4, type="cuda_failure")
    assert page.total("tacit_events_total", type="cuda_failure") == 4
    assert page.total("tacit_events_dropped_total") == 0
    program.end()
    wait_until(lambda: not page.read().rows("cuda_launches_total"), "its series to go")
    agent.finish()


@pytest.mark.parametrize("how", ["late", "deleted", "static"])
def test_each_way_to_have_the_libraries(tacit, fakes, tmp_path, how):
    agent, page = observed(tacit)
    if how == "static":
        program = Told(agent, tmp_path, fakes / "cuda_calls_static")
    else:
        program = Told(agent, tmp_path, fakes / "cuda_calls_late")
        libraries = tmp_path / "libraries"
        libraries.mkdir()
        for name in ("libcuda.so.1", "libcudart.so.13", "libnccl.so.2"):
            (libraries / name).write_bytes((fakes / name).read_bytes())
        program.tell(f"load {libraries}")
        if how == "deleted":
            for library in libraries.iterdir():
                library.unlink()
    before = until_probed(agent, page, program,
                          libraries=["cuda_calls_static"] if how == "static" else LIBRARIES)
    program.tell("launch 100")
    program.tell("malloc 64")
    program.tell("fail 2")
    program.tell("malloc 32", "2")
    program.tell("reduce 4 7 4096 3")
    page.until("nccl_operations_total", 3)
    assert page.total("cuda_launches_total", api="kernel") == before + 103
    assert page.total("cuda_allocated_bytes") == 64
    assert page.total("cuda_out_of_memory_total") == 1
    program.end()
    agent.finish()


def test_since_when_nothing_ran(tacit, fakes, tmp_path):
    """By the calls alone: no driver tells of processes here."""
    agent, page = observed(tacit)
    program = Told(agent, tmp_path, fakes / "cuda_calls")
    until_probed(agent, page, program)
    for command in ("launch 1", "copy 1 4096 1", "set 64 1"):
        wait_until(lambda: page.read().total("gpu_idle_seconds") > 0.5, "idleness")
        before = time.monotonic()
        program.tell(command)
        idle = page.read().total("gpu_idle_seconds")
        assert 0 < idle < time.monotonic() - before, command
    assert not page.rows("gpu_idle_allocated_bytes")  # what it holds from before is not known
    program.tell("malloc 1000000")
    labels = {"process_pid": str(program.process.pid), "job": "cuda_calls"}
    assert list(page.read().rows("gpu_idle_allocated_bytes", **labels).values()) == [0]
    program.end()
    wait_until(lambda: not page.read().rows("gpu_idle_seconds"), "its series to go")
    agent.finish()


def test_eight_at_once(tacit, fakes, tmp_path):
    """Libraries loaded late by eight programs; one forks, one ends: the others' counts are their own."""
    agent, page = observed(tacit)
    programs = []
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        programs.append(Told(agent, tmp_path / str(number), fakes / "cuda_calls_late"))
    for program in programs:
        program.tell(f"load {fakes}")

    def launches():
        page.read()
        return [page.total("cuda_launches_total", process_pid=str(program.process.pid))
                for program in programs]

    def all_seen():
        for program in programs:
            program.tell("launch 1")
        return all(launches())
    wait_until(all_seen, "all eight to be probed", 60)
    before = launches()
    for program in programs:
        program.tell("launch 1000")
    programs[0].tell_child("launch 7")
    programs[7].end()
    for program in programs[:7]:
        program.tell("launch 10")
    wait_until(lambda: launches()[:7] == [count + 1010 for count in before[:7]], "exact counts")
    for program in programs[:7]:
        program.end()
    agent.finish()


def changed_code(pid, directory):
    """Mapped code of this directory's files that is not as in its file: where breakpoints are."""
    changed = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            fields = line.split()
            if len(fields) < 6 or "x" not in fields[1] or not fields[5].startswith(str(directory)):
                continue
            begin, end = (int(part, 16) for part in fields[0].split("-"))
            with open(fields[5], "rb") as file:
                file.seek(int(fields[2], 16))
                wanted = file.read(end - begin)
            memory.seek(begin)
            if memory.read(len(wanted)) != wanted:
                changed.append(fields[5])
    return changed


@pytest.mark.parametrize("how", ["finish", "kill"])
def test_the_program_goes_on_when_the_agent_ends(tacit, host, fakes, tmp_path, how):
    program = Told(host, tmp_path, fakes / "cuda_calls")
    port = free_port()
    agent = tacit.run("--pid", program.process.pid, "--log-level", "debug",
                      f"--prometheus=127.0.0.1:{port}")
    until_probed(agent, Page(port), program)
    assert len(changed_code(program.process.pid, fakes)) == 3
    getattr(agent, how)()
    wait_until(lambda: not changed_code(program.process.pid, fakes), "the probes to be gone")
    program.tell_child("launch 3")
    for command in ("launch 1000", "malloc 100", "threads 4 launch 10", "free", "sync 3"):
        program.tell(command)
    program.end()


def test_switched_off(tacit, fakes, tmp_path):
    config = tmp_path / "tacit.yaml"
    config.write_text("gpu: {calls: false}\n")
    agent, page = observed(tacit, "--config", config)
    program = Told(agent, tmp_path, fakes / "cuda_calls")
    program.tell("launch 10")
    program.end()
    assert page.read().rows("tacit_attached_probes") and not [
        labels for labels in page.rows("tacit_attached_probes")
        if dict(labels)["probe"].startswith("cuda_")]
    agent.finish()


REAL = """
import ctypes, sys, time
runtime = ctypes.CDLL(sys.argv[1])
class Dim3(ctypes.Structure):
    _fields_ = [(axis, ctypes.c_uint) for axis in "xyz"]
one, size, null = Dim3(1, 1, 1), ctypes.c_size_t, ctypes.c_void_p
pointer = null()
calls = {
    "malloc": lambda: runtime.cudaMalloc(ctypes.byref(pointer), size(1 << 20)),
    "host": lambda: runtime.cudaHostAlloc(ctypes.byref(pointer), size(4096), 0),
    "free": lambda: runtime.cudaFree(null(64)),
    "sync": lambda: runtime.cudaDeviceSynchronize(),
    "count": lambda: runtime.cudaGetDeviceCount(ctypes.byref(ctypes.c_int())),
    "launch": lambda: runtime.cudaLaunchKernel(null(1), one, one, null(), size(0), null()),
    "thunk": lambda: runtime.__getattr__("__cudaLaunchKernel")(null(1), one, one, null(), size(0), null()),
    "copy": lambda: runtime.cudaMemcpyAsync(null(8), null(9), size(4096), 1, null()),
}
print("ready", flush=True)
for line in sys.stdin:
    name, times = line.split()
    print(*{calls[name]() for _ in range(int(times))}, flush=True)
"""


@pytest.mark.needs("torch")
def test_nvidias_runtime_without_a_driver(tacit, tmp_path):
    """True arguments and true errors: exact counts of each call, and of every error that has an end."""
    libraries = list(peers.STATE.glob("torch/lib/python3*/site-packages/nvidia/cu13/lib/libcudart.so.13"))
    if not libraries or os.path.exists("/dev/nvidiactl"):
        pytest.skip("needs NVIDIA's libcudart and no GPU")
    script = tmp_path / "real.py"
    script.write_text(REAL)
    agent, page = observed(tacit)
    program = Told(agent, tmp_path, "python3", script, libraries[0])
    code = "35"  # cudaErrorInsufficientDriver
    before = until_probed(agent, page, program, code, ["libcudart.so.13"])
    for name in ("malloc", "host", "free", "sync", "count", "launch", "thunk", "copy"):
        program.tell(f"{name} 100", code)
    page.until("cuda_copies_total", 100)
    assert page.total("cuda_launches_total", api="kernel") == before + 200
    assert page.total("cuda_copy_bytes_total", direction="host_to_device") == 409600
    assert page.total("cuda_sync_waits_total") == 100
    assert not page.rows("cuda_allocated_bytes")
    errors = {(dict(labels)["call"], dict(labels)["error_type"]): value
              for labels, value in page.rows("cuda_call_errors_total").items()}
    assert errors == {(call, "cudaErrorInsufficientDriver"): 100 for call in
                      ("cudaMalloc", "cudaHostAlloc", "cudaFree", "cudaDeviceSynchronize",
                       "cudaGetDeviceCount")}
    program.end()
    agent.finish()


REAL_NCCL = """
import ctypes, sys
nccl = ctypes.CDLL(sys.argv[1])
class UniqueId(ctypes.Structure):
    _fields_ = [("internal", ctypes.c_char * 128)]
null, made, name = ctypes.c_void_p(), ctypes.c_void_p(), UniqueId(b"any")
place = ctypes.byref(made)
calls = {
    "init": lambda: nccl.ncclCommInitRank(place, 1, name, 0),
    "config": lambda: nccl.ncclCommInitRankConfig(place, 1, name, 0, null),
    "scalable": lambda: nccl.ncclCommInitRankScalable(place, 1, 0, 1, ctypes.byref(name), null),
    "reduce": lambda: nccl.ncclAllReduce(null, null, ctypes.c_size_t(4), 7, 0, null, null),
    "destroy": lambda: nccl.ncclCommDestroy(null),
}
print("ready", flush=True)
for line in sys.stdin:
    print(calls[line.strip()](), flush=True)
"""


@pytest.mark.needs("torch")
def test_nvidias_nccl_without_a_driver(tacit, tmp_path):
    """What makes a communicator is seen to its end, here a failure; so nothing is made."""
    libraries = list(peers.STATE.glob("torch/lib/python3*/site-packages/nvidia/nccl/lib/libnccl.so.2"))
    if not libraries or os.path.exists("/dev/nvidiactl"):
        pytest.skip("needs NVIDIA's libnccl and no GPU")
    script = tmp_path / "real.py"
    script.write_text(REAL_NCCL)
    agent, page = observed(tacit)
    program = Told(agent, tmp_path, "python3", script, libraries[0])
    invalid, no_driver = "4", "1"  # ncclInvalidArgument, ncclUnhandledCudaError

    def seen():
        program.tell("reduce", invalid)
        return page.read().total("nccl_operations_total") > 0
    wait_until(seen, "the library to be probed")
    before = page.total("nccl_operations_total")
    for name in ("init", "config", "scalable"):
        program.tell(name, no_driver)
    program.tell("reduce", invalid)
    program.tell("destroy", "0")
    page.until("nccl_operations_total", before + 1)
    errors = {(dict(labels)["call"], dict(labels)["error_type"]): value
              for labels, value in page.rows("cuda_call_errors_total").items()}
    assert errors == {("ncclCommInitRank", "ncclUnhandledCudaError"): 1,
                      ("ncclCommInitRankConfig", "ncclUnhandledCudaError"): 1,
                      ("ncclCommInitRankScalable", "ncclUnhandledCudaError"): 1,
                      ("ncclAllReduce", "ncclInvalidArgument"): before + 1}
    assert page.total("nccl_operations_total", communicator="other") == before + 1
    assert not page.rows("nccl_communicator_observed_ranks")
    program.end()
    agent.finish()
