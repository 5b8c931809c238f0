# SPDX-License-Identifier: Apache-2.0
"""Training runs of a real PyTorch: steps, loader calls, backward passes and checkpoints are counted
exactly, and the phases stand below the program or the request that started them."""
import collections
import json
import pathlib
import subprocess
import time
import urllib.request

import pytest

from harness import training
from harness.metrics_page import Page
from harness.peers import listening
from harness.processes import WORKLOADS, free_port, wait_until

pytestmark = [pytest.mark.needs("torch"), pytest.mark.timeout(600)]

DEBIAN_TORCH = pathlib.Path("/usr/lib/python3/dist-packages/torch")
COUNTED = ["plain", "fused", "accumulated", "evaluated", "two_optimizers", "adversaries", "closures",
           "without_loader", "own_ranges", "profiled", "failing_step", "compiled", "checkpoints",
           "loader_workers", "two_threads"]
TIMED = ["plain", "accumulated", "loader_workers"]

Seen = collections.namedtuple("Seen", "process truth phases programs page")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Every counted case once, two at a time under one agent: importing PyTorch takes seconds."""
    from harness.tacit import Exec
    port = free_port()
    agent = Exec(tmp_path_factory.mktemp("training"), "--console", "json", "--prometheus",
                 env={"TACIT_PROMETHEUS_PORT": str(port)})
    try:
        pending, done = list(COUNTED), {}
        running = {}
        while pending or running:
            while pending and len(running) < 2:
                case = pending.pop(0)
                env = {"STEP_SECONDS": "0.01"} if case in TIMED else {}
                running[case] = training.start(agent, case, **env)
            case = next(iter(running))
            process = running.pop(case)
            assert process.wait(100) == 0, process.stderr()
            done[case] = process
        page = Page(port).until("tacit_events_total", len(COUNTED), type="process_exit")
        agent.finish()
        spans = agent.output.all_spans()
        yield {case: Seen(process, training.truth(process), training.phases(spans, process.pid),
                          [span for span in spans if span.is_program], page)
               for case, process in done.items()}
    finally:
        agent.close()


@pytest.mark.parametrize("case", COUNTED)
def test_counts(cases, case):
    seen = cases[case]
    loops = seen.phases["train_loop"]
    steps = collections.Counter()
    for loop in loops:
        steps.update(training.steps_by_optimizer(loop))
    assert steps == seen.truth["steps"]
    assert training.total(loops, "tacit.training.steps") == sum(seen.truth["steps"].values())
    assert training.total(loops, "tacit.training.backward_passes") == seen.truth["backward"]
    assert training.total(loops, "tacit.training.loader_calls") == seen.truth["loader_calls"]
    assert len(seen.phases["save_model"]) == seen.truth["saves"]
    assert len(loops) == (2 if case == "two_threads" else 1)


@pytest.mark.parametrize("case", COUNTED)
def test_metrics(cases, case):
    seen = cases[case]
    labels = {"process_pid": str(seen.process.pid)}
    for optimizer, steps in seen.truth["steps"].items():
        assert seen.page.total("training_steps_total", optimizer=optimizer, **labels) == steps
    assert seen.page.total("training_steps_total", **labels) == sum(seen.truth["steps"].values())
    assert seen.page.total("training_loader_calls_total", **labels) == seen.truth["loader_calls"]
    assert seen.page.total("training_backward_passes_total", **labels) == seen.truth["backward"]
    for operation in ("save", "load"):
        assert seen.page.total("training_checkpoints_total", operation=operation,
                               **labels) == seen.truth[operation + "s"]


@pytest.mark.parametrize("case", COUNTED)
def test_below_the_program(cases, case):
    seen = cases[case]
    program, = [span for span in seen.programs if span["process.pid"] == seen.process.pid]
    loop = seen.phases["train_loop"][0]
    assert (loop.trace_id, loop.parent_span_id) == (program.trace_id, program.span_id)
    assert program.start_ns <= loop.start_ns <= loop.end_ns <= program.end_ns
    assert (loop.kind, loop["tacit.phase.source"]) == ("INTERNAL", "record_function")


@pytest.mark.parametrize("case", TIMED)
def test_step_times(cases, case):
    """Against the loop's own clock, which also measures itself, in steps of 10 ms and more. A moment
    without a core between the two clocks moves few steps, so the median least."""
    seen = cases[case]
    own = sorted(seen.truth["seconds"])
    loop = seen.phases["train_loop"][0]
    for share, name, error in ((0.50, "p50", 0.02), (0.95, "p95", 0.1)):
        wanted = own[min(len(own) - 1, int(share * len(own) + 0.999999) - 1)]
        assert loop[f"tacit.training.step.duration.{name}"] == pytest.approx(wanted, rel=error)


def test_phases_and_files(tacit, tmp_path):
    agent = tacit.exec("--console", "json")
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        path.write_text("".join(f"{i / 7},{i % 5},1,2,3,4,5,6\n" for i in range(30)))
    result = tmp_path / "result.pt"
    first = training.start(agent, "from_files", DATA=":".join(map(str, paths)), RESULT=str(result))
    assert first.wait(100) == 0, first.stderr()
    second = training.start(agent, "resumed", CHECKPOINT=str(result), RESULT=str(tmp_path / "c.pt"))
    assert second.wait(100) == 0, second.stderr()
    agent.finish()
    spans = agent.output.all_spans()

    seen = training.phases(spans, first.pid)
    data, = seen["load_data"]
    model, = seen["init_model"]
    loop, = seen["train_loop"]
    save, = seen["save_model"]
    assert data["tacit.training.files"] == [str(path) for path in paths]
    assert data["tacit.phase.source"] == "file_reads"
    assert 0.1 <= (data.end_ns - data.start_ns) / 1e9 < 1  # the pauses before each file is closed
    assert model["tacit.phase.source"] == "between"
    assert (model.end_ns - model.start_ns) / 1e9 >= 0.1
    assert data.end_ns <= model.start_ns <= model.end_ns <= loop.start_ns < save.start_ns
    assert save["tacit.training.files"] == [str(result)]
    assert len({span.parent_span_id for span in (data, model, loop, save)}) == 1

    seen = training.phases(spans, second.pid)
    model, = seen["init_model"]
    assert model["tacit.phase.source"] == "checkpoint_read"
    assert model["tacit.training.files"] == [str(result)]
    assert seen["load_data"] == []
    assert len(seen["save_model"]) == 1


def test_missing_file(tacit, tmp_path):
    agent = tacit.exec("--console", "json")
    missing = tmp_path / "not-there.csv"
    process = training.start(agent, "from_files", DATA=str(missing), RESULT="unused")
    assert process.wait(100) == 1
    agent.finish()
    seen = training.phases(agent.output.all_spans(), process.pid)
    data, = seen["load_data"]
    assert data.status_code == "ERROR"
    assert data.status_message == f"{missing}: No such file or directory"
    assert (data.error_type, data["file.path"]) == ("ENOENT", str(missing))
    assert seen["train_loop"] == []
    program, = [s for s in agent.output.programs() if s["process.pid"] == process.pid]
    assert (program["process.exit.code"], program.span_id) == (1, data.parent_span_id)


def test_out_of_memory(tacit, tmp_path):
    """The failed call is told by the loop that made it and by the program that it ended."""
    subprocess.run(["sh", WORKLOADS / "fake_cuda/build.sh", tmp_path], check=True)
    go = tmp_path / "go"
    agent = tacit.exec("--console", "json", "--log-level", "debug")
    process = training.start(agent, "out_of_memory", FAKE_CUDA=str(tmp_path), GO=str(go))
    for library in ("libcuda.so.1", "libcudart.so.13"):
        line = f"process {process.pid}: the probes in {library} are in place"
        wait_until(lambda: line in agent.output.text(), line, 100)
    go.touch()
    assert process.wait(100) == 1
    agent.finish()
    assert training.truth(process)["code"] == 2, process.stderr()
    loop, = training.phases(agent.output.all_spans(), process.pid)["train_loop"]
    program, = [s for s in agent.output.programs() if s["process.pid"] == process.pid]
    for span in (loop, program):
        assert span.status_code == "ERROR"
        event, = span.events
        assert event["name"] == "gpu.failure"
        assert event["attributes"] == {"tacit.gpu.call": "cudaMalloc",
                                       "error.type": "cudaErrorMemoryAllocation",
                                       "tacit.gpu.requested_bytes": 1 << 30}
    assert loop.status_message == "cudaMalloc: cudaErrorMemoryAllocation (1073741824 bytes)"
    assert loop["tacit.training.steps"] == 10
    assert loop["tacit.training.device"] == "cuda"
    assert loop["tacit.gpu.memory.peak_bytes"] == 4096


def test_killed_in_the_middle(tacit):
    agent = tacit.exec("--console", "json")
    process = training.start(agent, "killed")
    assert process.wait(100) == -9
    agent.finish()
    loop, = training.phases(agent.output.all_spans(), process.pid)["train_loop"]
    assert loop["tacit.training.steps"] == 30


LATE = "the probes in PyTorch are in place"


def test_forked_from_a_process_that_trains(tacit, tmp_path):
    """A child's probes are in place some milliseconds after its fork. From then on all is counted, before
    that nothing is, and its run says how long that was."""
    port, go = free_port(), tmp_path / "go"
    agent = tacit.exec("--console", "json", "--log-level", "debug", "--prometheus",
                       env={"TACIT_PROMETHEUS_PORT": str(port)})
    process = training.start(agent, "forked", GO=str(go))
    wait_until(lambda: agent.output.text().count(LATE) == 3, "the probes of three children", 300)
    go.touch()
    assert process.wait(100) == 0, process.stderr()
    page = Page(port).until("tacit_events_total", 4, type="process_exit")
    agent.finish()
    spans = agent.output.all_spans()

    parent, = training.phases(spans, process.pid)["train_loop"]
    assert (parent["tacit.training.steps"], parent["tacit.training.loader_calls"]) == (20, 22)
    assert parent["tacit.training.unseen_ns"] is None
    assert len(page.rows("training_unseen_seconds")) == 3

    children = [json.loads(line) for line in process.stdout().splitlines()[:-1]]
    assert sorted(len(child["early_ends"]) for child in children) == [0, 50, 50]
    for child in children:
        loop, = training.phases(spans, child["pid"])["train_loop"]
        steps, unseen_ns = loop["tacit.training.steps"], loop["tacit.training.unseen_ns"]
        missed = sum(child["steps"].values()) - steps
        assert 0 <= missed <= len(child["early_ends"])
        assert all(end < child["begun"] + unseen_ns for end in child["early_ends"][:missed])
        if not child["early_ends"]:
            assert (steps, loop["tacit.training.loader_calls"],
                    loop["tacit.training.backward_passes"]) == (50, 55, 50)
        labels = {"process_pid": str(child["pid"])}
        assert page.total("training_steps_total", **labels) == steps
        assert page.total("training_unseen_seconds", **labels) == pytest.approx(unseen_ns / 1e9)


def test_older_than_the_agent(tacit, host, tmp_path):
    """What it trained before is not counted, and it says so."""
    go = tmp_path / "go"
    process = training.start(host, "older", GO=str(go))
    wait_until(lambda: "trained" in process.stdout(), "its first steps", 300)
    agent = tacit.run("--pid", process.pid, "--console", "json", "--log-level", "debug")
    wait_until(lambda: LATE in agent.output.text(), "its probes", 100)
    go.touch()
    assert process.wait(100) == 0, process.stderr()
    agent.finish()
    loop, = training.phases(agent.output.all_spans(), process.pid)["train_loop"]
    assert loop["tacit.training.steps"] == sum(training.truth(process)["steps"].values()) == 30
    assert loop["tacit.training.loader_calls"] == training.truth(process)["loader_calls"] == 33
    assert loop["tacit.training.unseen_ns"] >= 100_000_000  # importing PyTorch takes longer


def test_sampled_steps(tacit):
    agent = tacit.exec("--console", "json", env={"TACIT_GPU_STEP_SPANS": "10"})
    process = training.start(agent, "plain")
    assert process.wait(100) == 0, process.stderr()
    agent.finish()
    seen = training.phases(agent.output.all_spans(), process.pid)
    loop, = seen["train_loop"]
    assert [step["tacit.training.step"] for step in seen["step"]] == [10, 20, 30]
    for step in seen["step"]:
        assert (step.trace_id, step.parent_span_id) == (loop.trace_id, loop.span_id)
        assert loop.start_ns <= step.start_ns < step.end_ns <= loop.end_ns


def test_switched_off(tacit):
    agent = tacit.exec("--console", "json", env={"TACIT_GPU_TRAINING": "false"})
    process = training.start(agent, "plain")
    assert process.wait(100) == 0, process.stderr()
    agent.finish()
    assert all(not found for found in
               training.phases(agent.output.all_spans(), process.pid).values())


@pytest.mark.parametrize("path,source", [("/inline", "thread"), ("/pool", "work"),
                                         ("/thread", "thread_start")])
def test_started_by_a_request(tacit, path, source):
    """A host service that trains when it is asked to: the run belongs to that request."""
    agent = tacit.exec("--console", "json")
    service = listening(training.start(agent, "serve"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(3):
        opener.open(urllib.request.Request(service.url() + path, method="POST", data=b""),
                    timeout=60).read()
    if path == "/thread":
        wait_until(lambda: b"3" in opener.open(service.url() + "/", timeout=10).read(),
                   "three runs to end")
        time.sleep(1)  # a started thread is believed once its process went on
    service.stop()
    requests = agent.finish()
    spans = agent.output.all_spans()
    seen = training.phases(spans, service.pid)
    posts = [span for span in requests if span.kind == "SERVER" and span.method == "POST"]
    assert len(posts) == len(seen["train_loop"]) == 3
    assert ({(loop.trace_id, loop.parent_span_id) for loop in seen["train_loop"]}
            == {(post.trace_id, post.span_id) for post in posts})
    assert {loop["tacit.parent.source"] for loop in seen["train_loop"]} == {source}


@pytest.mark.skipif(not DEBIAN_TORCH.exists(), reason="no python3-torch of the distribution")
def test_a_release_that_does_not_tell_its_steps(tacit):
    """PyTorch 1.13 enters its ranges by a function that is not exported: no steps are told, and none are
    made up; backward passes and checkpoints are exact."""
    agent = tacit.exec("--console", "json")
    process = agent.start("/usr/bin/python3", "-W", "ignore", WORKLOADS / "training.py", "checkpoints")
    assert process.wait(100) == 0, process.stderr()
    agent.finish()
    wanted = training.truth(process)
    seen = training.phases(agent.output.all_spans(), process.pid)
    loop, = seen["train_loop"]
    assert loop["tacit.phase.source"] == "backward"
    assert loop["tacit.training.backward_passes"] == wanted["backward"]
    assert loop["tacit.training.steps"] is None
    assert len(seen["save_model"]) == wanted["saves"]
