# SPDX-License-Identifier: Apache-2.0
"""The devices' figures, with a library that plays profiles of GPUs (tests/fake_nvml): exact values
on /metrics, over OTLP and in a real Prometheus, and what the agent asks of the driver."""
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import peers
from harness.metrics_page import Page
from harness.otlp_receiver import HttpReceiver, attributes
from harness.processes import ROOT, TESTS, free_port, listening_ports, wait_until
from harness.tacit import BINARY, environment

PROFILES = TESTS / "fake_nvml/profiles"
UUID = "GPU-00000000-0000-4000-8000-000000000000"
MIB = 1 << 20

pytestmark = pytest.mark.needs("fake_nvml")


class Gpu:
    """A profile under a test: what the library answers from now on, and what it was asked."""

    def __init__(self, directory):
        self.profile = directory / "profile"
        self.log = directory / "calls"
        self.profile.touch()

    def play(self, name, *lines):
        shutil.copy(PROFILES / f"{name}.profile", self.profile)
        return self.add(*lines)

    def add(self, *lines):
        with open(self.profile, "a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        return self

    def environment(self, **more):
        return {"LD_LIBRARY_PATH": str(peers.program("fake_nvml")),
                "FAKE_NVML_PROFILE": str(self.profile), "FAKE_NVML_CALLS": str(self.log), **more}

    def calls(self, name):
        if not self.log.exists():
            return 0
        return sum(line.startswith(name) for line in self.log.read_text().splitlines())


@pytest.fixture
def gpu(tmp_path):
    return Gpu(tmp_path)


def observed(tacit, gpu, rounds=2, **more):
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}",
                       env=gpu.environment(**more))
    wait_until(lambda: port in listening_ports(), "the metrics page")
    page = Page(port)
    if rounds:
        page.until("tacit_gpu_sample_rounds_total", rounds)
    return agent, page


def one(page, name, **labels):
    """The value of the only series with these labels."""
    rows = page.rows(name, **labels)
    assert len(rows) == 1, (name, labels, rows)
    return next(iter(rows.values()))


def test_figures_of_a_device(tacit, gpu):
    gpu.play("h100")
    agent, page = observed(tacit, gpu)
    device = {"hw_id": UUID, "hw_type": "gpu", "hw_name": "nvidia0", "job": "tacit",
              "hw_model": "NVIDIA H100 80GB HBM3", "hw_vendor": "NVIDIA"}
    for name, value, labels in [
            ("hw_gpu_utilization_ratio", 0.87, {"hw_gpu_task": "general"}),
            ("hw_gpu_utilization_ratio", 0.03, {"hw_gpu_task": "decoder"}),
            ("hw_gpu_memory_usage_bytes", 42949672960, {}),
            ("hw_gpu_memory_limit_bytes", 85520809984, {}),
            ("gpu_memory_reserved_bytes", 620756992, {}),
            ("hw_power_watts", 512.5, {}),
            ("hw_energy_joules_total", 123456.789, {}),
            ("hw_temperature_celsius", 61, {"hw_sensor_location": "gpu"}),
            ("hw_temperature_celsius", 74, {"hw_sensor_location": "memory"}),
            ("hw_errors_total", 3, {"error_type": "ecc_corrected"}),
            ("hw_status", 1, {"hw_state": "ok"}),
            ("gpu_clock_hertz", 1.755e9, {"domain": "sm"}),
            ("gpu_clock_reason", 1, {"reason": "sw_power_cap"}),
            ("gpu_throttle_seconds_total", 1.5, {"reason": "power"}),
            ("gpu_sm_active_ratio", 0.75, {}),
            ("gpu_sm_occupancy_ratio", 0.5, {}),
            ("gpu_tensor_active_ratio", 0.625, {}),
            ("gpu_dram_active_ratio", 0.45, {}),
            ("gpu_pcie_throughput_bytes_per_second", 200 * MIB,
             {"network_io_direction": "receive"}),
            ("gpu_nvlink_bytes_total", 4096 * 1024, {"network_io_direction": "receive"})]:
        assert one(page, name, **device, **labels) == pytest.approx(value, rel=1e-9), name
    assert "DCGM_FI" not in page.text
    agent.finish()
    assert gpu.calls("nvmlShutdown") == 1


def test_processes_are_named_where_they_are_observed(tacit, gpu):
    gpu.play("h100")
    agent, page = observed(tacit, gpu, rounds=0)
    worker = agent.start("sleep", "60")
    gpu.add(f"0 process {worker.pid} 1000000", f"0 sample {worker.pid} 5000 60 20 0 1",
            "0 process 1 300", "0 sample 1 5000 25 0 0 0")
    page.until("gpu_process_memory_bytes", 1000000)
    assert page.rows("gpu_process_memory_bytes").keys() == page.rows(
        "gpu_process_memory_bytes", hw_id=UUID, process_pid=str(worker.pid),
        job="sleep").keys()
    assert one(page, "gpu_other_processes", job="tacit") == 1
    assert one(page, "gpu_other_process_memory_bytes") == 300
    shares = "gpu_process_utilization_ratio"
    assert one(page, shares, process_pid=str(worker.pid), hw_gpu_task="general") == 0.6
    assert one(page, shares, process_pid=str(worker.pid), hw_gpu_task="memory") == 0.2
    assert one(page, "gpu_other_process_utilization_ratio") == 0.25
    # It was at work within the last looks; of the one that is not observed nothing is told.
    idle = {"process_pid": str(worker.pid), "job": "sleep"}
    assert 0 <= one(page, "gpu_idle_seconds", **idle) < 5
    assert one(page, "gpu_idle_allocated_bytes", **idle) == 0
    assert len(page.rows("gpu_idle_seconds")) == 1
    # No newer sample: the next look finds both idle.
    wait_until(lambda: page.read().total(shares) == 0, "idleness", 10)
    assert len(page.rows(shares)) == 4
    assert one(page, "gpu_idle_seconds", **idle) >= 1.5
    assert one(page, "gpu_other_process_utilization_ratio") == 0
    worker.stop(9)
    agent.finish()


def test_by_otlp(tacit, gpu):
    receiver = HttpReceiver()
    gpu.play("h100")
    agent = tacit.exec("--otlp-endpoint", receiver.url, env=gpu.environment(
        OTEL_METRIC_EXPORT_INTERVAL="500", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_METRICS_EXPORTER="otlp"))

    def exported():
        with receiver.lock:
            if not receiver.metric_exports:
                return None
            exports = [metric for group in receiver.metric_exports[-1].resource_metrics
                       if attributes(group.resource.attributes)["service.name"] == "tacit"
                       for scope in group.scope_metrics for metric in scope.metrics]
        found = {metric.name: metric for metric in exports}
        assert len(found) == len(exports), "a name of two metrics"
        return found if "gpu_sm_active" in found else None

    metrics = wait_until(exported, "the devices' metrics", 20)
    agent.finish()
    receiver.close()
    device = {"hw.id": UUID, "hw.type": "gpu", "hw.name": "nvidia0", "hw.vendor": "NVIDIA",
              "hw.model": "NVIDIA H100 80GB HBM3"}
    for name, kind, unit, value, more in [
            ("hw.gpu.utilization", "gauge", "1", 0.87, {"hw.gpu.task": "general"}),
            ("hw.gpu.memory.usage", "sum", "By", 42949672960, {}),
            ("hw.gpu.memory.limit", "sum", "By", 85520809984, {}),
            ("hw.gpu.memory.utilization", "gauge", "1", 42949672960 / 85520809984, {}),
            ("hw.power", "gauge", "W", 512.5, {}),
            ("hw.energy", "sum", "J", 123456.789, {}),
            ("hw.temperature", "gauge", "Cel", 61, {"hw.sensor_location": "gpu"}),
            ("hw.errors", "sum", "{error}", 3, {"error.type": "ecc_corrected"}),
            ("hw.status", "sum", "1", 1, {"hw.state": "ok"}),
            ("gpu_clock", "gauge", "Hz", 1.755e9, {"domain": "sm"}),
            ("gpu_nvlink", "sum", "By", 4096 * 1024, {"network.io.direction": "receive"}),
            ("gpu_pcie_throughput", "gauge", "By/s", 100 * MIB,
             {"network.io.direction": "transmit"})]:
        metric = metrics[name]
        assert (metric.unit, metric.WhichOneof("data")) == (unit, kind), name
        points = {frozenset(attributes(point.attributes).items()): point.as_double
                  for point in getattr(metric, kind).data_points}
        assert points[frozenset({**device, **more}.items())] == pytest.approx(value), name
    assert metrics["hw.energy"].sum.is_monotonic
    assert not metrics["hw.gpu.memory.usage"].sum.is_monotonic


def test_what_is_asked_of_the_driver(tacit, gpu):
    """What is not supported is asked once; nothing that takes 20 ms is; GPM's samples are 100 ms
    apart, which the fake demands."""
    gpu.play("h100", "* energy_mj not_supported", "* field 138 not_supported")
    agent, page = observed(tacit, gpu, rounds=4)
    assert gpu.calls("nvmlDeviceGetTotalEnergyConsumption") == 1
    assert gpu.calls("nvmlDeviceGetPowerUsage") >= 4
    assert gpu.calls("nvmlDeviceGetPcieThroughput") == 0
    assert gpu.calls("nvmlGpmMetricsGet") >= 3
    assert gpu.calls("gpm_too_soon") == 0
    assert one(page, "tacit_nvml_refused_figures", reason="not_supported") == 2
    assert one(page, "tacit_nvml_calls_total", call="nvmlDeviceGetTotalEnergyConsumption") == 1
    assert one(page, "tacit_nvml_call_errors_total", call="nvmlDeviceGetPowerUsage") == 0
    assert page.total("tacit_nvml_call_seconds_total") > 0
    assert page.rows("hw_energy_joules_total") == {}
    agent.finish()


def test_every_xid_event_counts(tacit, gpu):
    gpu.play("h100x8")
    agent, page = observed(tacit, gpu, rounds=1)
    assert len(page.rows("gpu_xid_events_total", xid="other")) == 8
    gpu.add("event 3 79", "event 3 79", "event 3 79", "event 0 31")
    page.until("gpu_xid_events_total", 4)
    gpu.add("event 3 79")
    page.until("gpu_xid_events_total", 5)
    lost = "GPU-00000003-0000-4000-8000-000000000000"
    assert one(page, "gpu_xid_events_total", hw_id=lost, xid="79") == 4
    assert one(page, "gpu_xid_events_total", hw_id=UUID, xid="31") == 1
    assert page.total("gpu_xid_events_total") == 5
    agent.finish()
    assert agent.output.log().count("the driver reported XID 79") == 4


def test_a_lost_device_and_a_reloaded_driver(tacit, gpu):
    gpu.play("h100x8")
    agent, page = observed(tacit, gpu, rounds=1)
    gpu.add("2 state lost")
    page.until("hw_status", 1, hw_state="failed")
    assert page.total("hw_status", hw_state="ok") == 7
    assert len(page.rows("hw_power_watts")) == 7
    gpu.add("broken uninitialized")
    page.until("hw_status", 8, hw_state="failed")
    assert page.rows("hw_power_watts") == {}
    gpu.add("broken 0", "2 state 1")
    page.until("hw_status", 8, hw_state="ok")
    assert one(page, "tacit_nvml_restarts_total") >= 1
    agent.finish()
    assert "GPU 2" in agent.output.log() and "fallen off the bus" in agent.output.log()


def test_mig(tacit, gpu):
    gpu.play("a100_mig")
    agent, page = observed(tacit, gpu, TACIT_GPU_DCGM_NAMES="true")
    instance = {"hw_parent": UUID, "gpu_instance_id": "1", "gpu_instance_profile": "3g.20gb"}
    assert one(page, "hw_gpu_memory_usage_bytes", **instance) == 1000000000
    assert one(page, "DCGM_FI_DEV_FB_USED", GPU_I_PROFILE="1g.5gb", GPU_I_ID="9",
               gpu="0") == pytest.approx(2000000 / MIB)
    agent.finish()


# The queries of Grafana's dashboard 12239 and its variables: the revision that goes by instance and
# the one that goes by Hostname.
QUERIES = {
    'DCGM_FI_DEV_GPU_TEMP{instance=~"$instance", gpu=~"$gpu"}': [60 + i for i in range(8)],
    'avg(DCGM_FI_DEV_GPU_TEMP{instance=~"$instance", gpu=~"$gpu"})': [63.5],
    'DCGM_FI_DEV_POWER_USAGE{instance=~"$instance", gpu=~"$gpu"}': [512.5] * 8,
    'sum(DCGM_FI_DEV_POWER_USAGE{instance=~"$instance", gpu=~"$gpu"})': [4100],
    'DCGM_FI_DEV_SM_CLOCK{instance=~"$instance", gpu=~"$gpu"} * 1000000': [1.755e9] * 8,
    'DCGM_FI_DEV_GPU_UTIL{instance=~"$instance", gpu=~"$gpu"}': [87] * 8,
    'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{instance=~"$instance", gpu=~"$gpu"}': [0.625] * 8,
    'DCGM_FI_DEV_FB_USED{instance=~"$instance", gpu=~"$gpu"}': [40960] * 8,
    'max(DCGM_FI_PROF_GR_ENGINE_ACTIVE{Hostname=~"$Hostname", gpu=~"$gpu"}) by '
    '(Hostname, gpu, GPU_I_ID, GPU_I_PROFILE)': [0.885] * 8,
    'max(DCGM_FI_DEV_SM_CLOCK{Hostname=~"$Hostname", gpu=~"$gpu"} * 1000000) by '
    '(Hostname, UUID, gpu)': [1.755e9] * 8,
}

PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: tacit
    honor_labels: true
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


@pytest.mark.needs("prometheus")
def test_grafana_dashboard_12239(tacit, host, gpu, tmp_path):
    gpu.play("h100x8")
    agent, page = observed(tacit, gpu, TACIT_GPU_DCGM_NAMES="true")
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(port=page.port))
    port = free_port()
    host.start("prometheus", f"--config.file={tmp_path / 'prometheus.yml'}",
               f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
               "--log.level=warn")

    def ask(path, **parameters):
        url = f"http://127.0.0.1:{port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return json.load(reply)["data"]
        except OSError:
            return None

    wait_until(lambda: (ask("query", query="DCGM_FI_PROF_PIPE_TENSOR_ACTIVE") or {}).get("result"),
               "Prometheus to scrape", 30)
    for variable in ("instance", "Hostname"):
        assert ask(f"label/{variable}/values", **{"match[]": "DCGM_FI_DEV_GPU_TEMP"}) == [
            os.uname().nodename], variable
    for query, wanted in QUERIES.items():
        expression = re.sub(r"\$\w+", ".+", query)
        have = sorted(float(row["value"][1]) for row in ask("query", query=expression)["result"])
        assert have == pytest.approx(sorted(wanted)), query
    agent.finish()


@pytest.mark.needs("promtool")
def test_promtool(tacit, gpu):
    gpu.play("h100")
    agent, page = observed(tacit, gpu)
    result = subprocess.run(["promtool", "check", "metrics"], input=page.text, text=True,
                            capture_output=True)
    assert (result.stdout + result.stderr) == ""
    agent.finish()


def test_silent_without_a_device(tacit):
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}")
    page = Page(port)
    wait_until(lambda: port in listening_ports(), "the metrics page")
    page.until("tacit_build_info", 1)
    names = {line.split()[2] for line in page.text.splitlines() if line.startswith("# TYPE")}
    assert not [name for name in names if name.startswith(("gpu_", "hw_", "tacit_nvml", "DCGM"))]
    agent.finish()
    assert "GPU" not in agent.output.log()


def test_nobody_who_reads_metrics_nothing_read(tacit, gpu):
    gpu.play("h100")
    agent = tacit.exec("--console", "json", env=gpu.environment())
    agent.run("sleep", "1.5")
    agent.finish()
    assert not gpu.log.exists()


def test_switched_off(tacit, gpu):
    gpu.play("h100")
    agent, page = observed(tacit, gpu, rounds=0, TACIT_GPU_DEVICES="false")
    agent.run("sleep", "1.5")
    assert "hw_" not in page.read().text
    agent.finish()
    assert not gpu.log.exists()


def test_a_driver_that_hangs_holds_up_nothing(tacit, gpu):
    """The page answers without figures of devices, and the agent ends."""
    gpu.play("h100")
    agent, page = observed(tacit, gpu)
    gpu.add("delay nvmlDeviceGetPowerUsage 600000")
    wait_until(lambda: page.read().total("tacit_gpu_sample_age_seconds") > 10.1, "old figures", 20)
    assert page.rows("hw_power_watts") == {}
    assert page.total("tacit_build_info") == 1
    agent.finish(timeout=20)
    assert "does not return" in agent.output.log()


def doctor(gpu):
    result = subprocess.run([BINARY, "doctor"], env=environment(gpu.environment()),
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stdout + result.stderr
    return next(line for line in result.stdout.splitlines() if re.match(r"\w+ +GPU ", line))


def test_doctor(gpu):
    assert re.match(r"ok +GPU +8 x NVIDIA H100 80GB HBM3; driver 550\.54\.15$",
                    doctor(gpu.play("h100x8")))
    assert re.match(r"warn GPU +NVML cannot start: .* different versions \(18\); costs: .*; fix: "
                    r"reboot", doctor(gpu.add("init mismatch")))
    without = subprocess.run([BINARY, "doctor"], env=environment(None), stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=30)
    assert re.search(r"^ok +GPU +no NVIDIA driver library", without.stdout, re.M)


@pytest.mark.needs("nvml_headers")
@pytest.mark.parametrize("cuda", ["12", "13"])
def test_our_declarations_are_nvidias(cuda):
    """Numbers, layouts and functions, held against the headers of two CUDA majors."""
    result = subprocess.run(
        ["c++", "-std=c++23", "-fsyntax-only", f"-I{ROOT}",
         f"-I{peers.program('nvml_headers') / cuda}", str(TESTS / "fake_nvml/abi_audit.cpp")],
        capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
