# SPDX-License-Identifier: Apache-2.0
"""Blocks of kernel records through the USDT, by a program that hands over made-up ones: figures exact,
forged blocks harmless, losses counted."""
import http.client
import re
import subprocess

import pytest

from harness import peers
from harness.metrics_page import Page
from harness.processes import ROOT, free_port, listening_ports, wait_until

DROPS = "tacit_events_dropped_total"


@pytest.fixture(scope="module")
def workload(tmp_path_factory):
    program = tmp_path_factory.mktemp("workload") / "gpu_batches"
    subprocess.run(["cc", "-O2", "-g", "-Wall", "-Wextra", f"-I{ROOT}", "-o", program,
                    ROOT / "tests/workloads/gpu_batches.c"], check=True)
    return program


@pytest.fixture
def observed(tacit):
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}")
    wait_until(lambda: port in listening_ports(), "the metrics page")
    return agent, Page(port)


def seconds(page, name, **labels):
    return round(page.total(name, **labels), 9)


def sent_by(process):
    return map(int, re.search(r"sent (\d+) records in (\d+) blocks", process.stdout()).groups())


def test_figures_are_exact(observed, workload):
    agent, page = observed
    process = agent.start(workload, "story")
    page.until("tacit_gpu_records_total", 8)
    wait_until(lambda: page.read().total("tacit_gpu_tracer_state", state="active"), "the last block")
    assert process.wait() == 0
    # It ended: what never came is certain now, and the figures stay.
    page.until("tacit_gpu_blocks_lost_total", 2)
    device = {"device": "0", "process_pid": str(process.pid), "job": "gpu_batches"}
    times = {dict(labels)["class"]: round(value, 9) for labels, value in
             page.rows("gpu_kernel_time_seconds_total", **device).items()}
    assert times == {"gemm": 0.010, "attention": 0.010, "elementwise": 0.005, "copy": 0.004}
    assert seconds(page, "gpu_busy_seconds_total", **device) == 0.020
    assert seconds(page, "gpu_busy_seconds_total", device="1") == 0.007
    assert seconds(page, "gpu_kernel_time_seconds_total", device="1") == 0.007
    assert page.total("gpu_graph_launches_total") == 1
    top = {dict(labels)["kernel"]: round(value, 9)
           for labels, value in page.rows("gpu_top_kernel_time_seconds_total").items()}
    assert top == {"ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_32x5_tn": 0.010,
                   "fmha_cutlassF_f16_aligned_64x64_rf_sm50": 0.010,
                   "triton_poi_fused_add_relu_0": 0.005}
    assert page.total("gpu_copy_bytes_total", direction="host_to_device") == 1 << 20
    assert page.total("gpu_copy_bytes_total", direction="device_to_host") == 3000
    assert seconds(page, "gpu_copy_time_seconds_total", direction="device_to_host") == 0.002
    assert page.total("gpu_memset_bytes_total") == 4096
    assert seconds(page, "gpu_sync_wait_seconds_total") == 0.040
    # gemm 2 ms, elementwise 32 ms, graph 50 ms after their launch; attention's was not seen.
    assert page.total("gpu_launch_latency_seconds_count") == 3
    assert seconds(page, "gpu_launch_latency_seconds_sum") == 0.084
    assert page.total("gpu_launch_latency_seconds_bucket", le="0.005") == 1
    assert page.total("tacit_gpu_records_total") == 8
    assert page.total("tacit_gpu_records_dropped_total") == 7
    assert page.total("tacit_gpu_records_invalid_total", reason="tracer") == 3
    assert page.total("tacit_gpu_records_invalid_total") == 3
    assert seconds(page, "tacit_gpu_tracer_overhead_seconds_total") == 0.250
    assert page.total("tacit_gpu_tracer_state") == page.total("tacit_gpu_tracer_state",
                                                              state="active") == 1
    assert page.total(DROPS) == 0
    agent.finish()


def test_forged_blocks_harm_nobody(observed, workload):
    agent, page = observed
    process = agent.start(workload, "forged")
    page.until("tacit_gpu_records_total", 1)
    assert process.wait() == 0
    page.until(DROPS, 9, reason="gpu_block")
    assert page.total(DROPS) == 9
    faults = {dict(labels)["reason"]: value
              for labels, value in page.rows("tacit_gpu_records_invalid_total").items()}
    assert faults == {"tracer": 0, "time": 5, "device": 0, "kind": 2, "name": 1}
    assert page.total("tacit_gpu_records_total") == 1
    assert seconds(page, "gpu_kernel_time_seconds_total", **{"class": "other"}) == 0.002
    assert seconds(page, "gpu_busy_seconds_total") == 0.002
    assert page.total("tacit_gpu_tracer_state") == 0
    agent.finish()


def test_50_000_records_a_second(observed, workload):
    """99.9 % come through, and what is sent is received or counted, to the record."""
    agent, page = observed
    process = agent.start(workload, "pace", 50000, 5)
    assert process.wait() == 0
    sent, blocks = sent_by(process)
    page.until("tacit_events_total", blocks + 1, type="gpu_batch")
    received = page.total("tacit_gpu_records_total")
    assert received + page.total("tacit_gpu_records_lost_total") == sent
    assert received >= 0.999 * sent
    assert page.total("gpu_kernels_total") == received
    # Kernels of 6 us every 10 us, of 8 names: as much time each, and no two at once in a block.
    assert seconds(page, "gpu_kernel_time_seconds_total") == round(received * 6e-6, 9)
    assert seconds(page, "gpu_kernel_linked_time_seconds_total", rule="none") == round(
        received * 6e-6, 9)
    agent.finish()


def test_a_flood_is_limited_and_counted(observed, workload):
    """One process cannot push the others' events out; its own losses are counted."""
    agent, page = observed
    process = agent.start(workload, "flood", 2)
    quiet = agent.start(workload, "story")
    assert process.wait() == 0 and quiet.wait() == 0
    _, blocks = sent_by(process)
    page.until("tacit_gpu_records_total", 8, process_pid=str(quiet.pid))
    came = page.total("tacit_events_total", type="gpu_batch") - 4
    lost = page.total(DROPS, reason="gpu_rate") + page.total(DROPS, reason="ring_full_gpu")
    assert came + lost == blocks
    assert page.total(DROPS) == lost
    assert page.total(DROPS, reason="gpu_rate") > 0
    assert page.total("tacit_gpu_records_total", process_pid=str(quiet.pid)) == 8
    agent.finish()


@pytest.mark.parametrize("own_names", [[], ["unshare", "--pid", "--fork"]], ids=["", "container"])
def test_requests_have_their_kernels(observed, workload, own_names):
    """Records that come after the request is over are in its span all the same. In a pid namespace,
    threads have other numbers in them."""
    agent, _ = observed
    server = peers.listening(agent.start(*own_names, workload, "serve", 3))
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/predict")
        assert connection.getresponse().read() == b"ok"
        connection.close()
    assert server.wait() == 0
    spans = agent.finish()
    assert len(spans) == 3
    for span in spans:
        have = {key: value for key, value in span.attributes.items() if key.startswith("tacit.gpu.")}
        assert have == {"tacit.gpu.kernel.count": 2, "tacit.gpu.kernel.duration_ns": 3_000_000,
                        "tacit.gpu.busy_ns": 3_000_000, "tacit.gpu.link.rule": "thread",
                        "tacit.gpu.copy.bytes": 4096}
