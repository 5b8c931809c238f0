# SPDX-License-Identifier: Apache-2.0
"""/metrics: counts equal the peers' own, the format is right, a real Prometheus takes it."""
import collections
import json
import os
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import peers
from harness.metrics_page import Page
from harness.oracle import check
from harness.processes import free_port, listening_ports, wait_until

SERVER = "http_server_request_duration_seconds"
CLIENT = "http_client_request_duration_seconds"


def observed(tacit, *options, env=None):
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}", *options, env=env)
    wait_until(lambda: port in listening_ports(), "the metrics page")
    return agent, Page(port)


def load(agent, requests=100):
    worker = peers.uvicorn(agent)
    client = peers.http_client(agent, worker, library="httpx-async", requests=requests,
                               concurrency=10)
    return worker, client


def test_counts_are_the_peers_own(tacit):
    agent, page = observed(tacit)
    worker, client = load(agent)
    page.until(f"{SERVER}_count", 100).until(f"{CLIENT}_count", 100)
    lines = worker.requests()
    by_labels = collections.Counter((line["method"], str(line["status"])) for line in lines)
    for name in (SERVER, CLIENT):
        have = collections.Counter()
        for labels, value in page.rows(f"{name}_count").items():
            labels = dict(labels)
            have[labels["http_request_method"], labels["http_response_status_code"]] += value
        assert have == by_labels
        assert page.total(f"{name}_bucket", le="+Inf") == 100
    # Sizes: every observation counted once, the sums exact.
    for side in ("server", "client"):
        for what in ("request", "response"):
            base = f"http_{side}_{what}_body_size_bytes"
            assert page.total(f"{base}_count") == 100, base
            assert page.total(f"{base}_sum") == sum(line[f"{what}_bytes"] for line in lines), base
    # The handlers' own time lies inside the spans'.
    inside = sum(line["end_ns"] - line["start_ns"] for line in lines) / 1e9
    assert page.total(f"{SERVER}_sum") >= inside * 0.99
    assert page.total(f"{CLIENT}_sum") >= page.total(f"{SERVER}_sum") * 0.99
    assert {dict(labels)["http_route"] for labels in page.rows(f"{SERVER}_count")
            if dict(labels)["http_response_status_code"] != "404"} == {"/items/{id}"}
    check(agent.finish(), worker, client)


def test_active_requests(tacit):
    agent, page = observed(tacit)
    worker = peers.uvicorn(agent)
    client = agent.python("http_client.py", "--url", worker.url(), "--library", "httpx-async",
                          "--requests", 7, "--concurrency", 7, "--delay-ms", 3000, "--method", "GET")
    wait_until(lambda: page.read().total("http_server_active_requests") == 7, "7 active requests")
    assert client.wait() == 0
    wait_until(lambda: page.read().total("http_server_active_requests") == 0, "none")
    assert page.total(f"{SERVER}_count") == 7
    agent.finish()


def test_counted_before_sampling(tacit):
    agent, page = observed(tacit, "--sampler", "always_off")
    load(agent)
    page.until(f"{SERVER}_count", 100).until(f"{CLIENT}_count", 100)
    assert agent.finish() == []


def test_failed_connect_is_counted(tacit):
    """Under its own kind: nobody knows that HTTP would have been spoken."""
    agent, page = observed(tacit)
    port = free_port()
    for _ in range(5):
        agent.run_python("failing_connect.py", "blocking", "127.0.0.1", port)
    page.until("tacit_spans_total", 5, kind="connect")
    assert page.total("tacit_spans_total") == 5
    assert page.total(f"{CLIENT}_count") == 0
    assert len(agent.finish()) == 5


@pytest.mark.parametrize("semconv", ["legacy", "both"])
def test_legacy_names(tacit, semconv):
    """The names and labels that older dashboards query."""
    agent, page = observed(tacit, "--semconv", semconv)
    worker, _ = load(agent)
    page.until("http_server_duration_milliseconds_count", 100)
    assert page.total("http_client_duration_milliseconds_count") == 100
    assert page.total("http_server_request_size_bytes_count") == 100
    assert page.total("http_server_response_size_bytes_sum") == sum(
        line["response_bytes"] for line in worker.requests())
    by_status = collections.Counter()
    for labels, value in page.rows("http_server_duration_milliseconds_count").items():
        by_status[dict(labels)["http_status_code"]] += value
    assert by_status == collections.Counter(str(line["status"]) for line in worker.requests())
    for labels in page.rows("http_server_duration_milliseconds_count"):
        assert {"http_method", "http_status_code"} <= set(dict(labels))
    assert (page.total(f"{SERVER}_count") == 100) == (semconv == "both")
    agent.finish()


def test_processes(tacit):
    """The observed process's own figures, as /proc has them."""
    agent, page = observed(tacit)
    worker = peers.uvicorn(agent)
    peers.http_client(agent, worker, library="http.client", requests=10)
    page.until(f"{SERVER}_count", 10)
    with open(f"/proc/{worker.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open("/proc/stat") as file:
        boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    started = boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")

    def ours(name):
        return [value for labels, value in page.read().rows(name).items()
                if dict(labels)["process_pid"] == str(worker.pid)]

    start, = ours("process_start_time_seconds")
    assert abs(start - started) < 2
    resident, = ours("process_resident_memory_bytes")
    assert abs(resident - int(fields[21]) * os.sysconf("SC_PAGE_SIZE")) < 8 << 20
    virtual, = ours("process_virtual_memory_bytes")
    assert abs(virtual - int(fields[20])) < 64 << 20
    descriptors, = ours("process_open_fds")
    assert abs(descriptors - len(os.listdir(f"/proc/{worker.pid}/fd"))) <= 1
    limit, = ours("process_max_fds")
    with open(f"/proc/{worker.pid}/limits") as file:
        assert limit == next(int(line.split()[3]) for line in file
                             if line.startswith("Max open files"))
    cpu, = ours("process_cpu_seconds_total")
    assert 0 < cpu < 60
    agent.finish()


def test_target_info_and_own_health(tacit):
    agent, page = observed(tacit)
    load(agent)
    page.until(f"{SERVER}_count", 100)
    jobs = {dict(labels)["job"] for labels in page.rows("target_info")}
    assert {"uvicorn_server", "http_client"} <= jobs
    # Nothing was lost, and that is said for each reason.
    reasons = {dict(labels)["reason"] for labels in page.rows("tacit_events_dropped_total")}
    assert {"ring_full_receive", "ring_full_send"} <= reasons
    assert page.total("tacit_events_dropped_total") == 0
    page.until("tacit_spans_total", 200)
    assert page.total("tacit_spans_total", kind="server") == 100
    assert page.total("tacit_spans_total", kind="client") == 100
    for name in ("tacit_ring_capacity_bytes", "tacit_events_total", "tacit_attached_probes",
                 "tacit_bpf_program_runs_total", "tacit_followed_processes"):
        assert page.total(name) > 0, name
    assert page.total("process_cpu_seconds_total", job="tacit") > 0
    assert 0 < page.total("process_resident_memory_bytes", job="tacit") < 64 << 20
    agent.finish()


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("semconv", ["stable", "legacy", "both"])
def test_promtool(tacit, semconv):
    """No complaint, but that of the old names' milliseconds, which dashboards query."""
    agent, page = observed(tacit, "--semconv", semconv)
    load(agent)
    page.until("http_server_duration_milliseconds_count" if semconv == "legacy"
               else f"{SERVER}_count", 100)
    result = subprocess.run(["promtool", "check", "metrics"], input=page.text, text=True,
                            capture_output=True)
    complaints = sorted((result.stdout + result.stderr).splitlines())
    assert complaints == ([] if semconv == "stable" else [
        f'http_{side}_duration_milliseconds use base unit "seconds" instead of "milliseconds"'
        for side in ("client", "server")])
    agent.finish()


def test_series_are_capped(tacit):
    """Beyond the limit all share one overflow series; nothing is lost from the sum."""
    agent, page = observed(tacit, "--route", "/fixed/{none}",
                           env={"TACIT_METRICS_SERIES_LIMIT": "20"})
    worker = peers.threading_server(agent)
    for status in range(200, 260):
        if status == 204:
            continue
        agent.run("curl", "-sS", "-o", "/dev/null", f"{worker.url()}/items/a", "-H",
                  f"X-Reply-Status: {status}")
    page.until(f"{SERVER}_count", 59)
    assert page.total(f"{SERVER}_count") == 59
    assert len(page.rows(f"{SERVER}_count")) == 20 + 1
    assert page.total(f"{SERVER}_count", otel_metric_overflow="true") == 59 - 20
    assert page.total("tacit_metric_overflow_total", metric=SERVER) == 59 - 20
    agent.finish()


PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: tacit
    honor_labels: true
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


@pytest.mark.needs("prometheus")
def test_real_prometheus(tacit, host, tmp_path):
    agent, page = observed(tacit, "--semconv", "both")
    worker, _ = load(agent)
    page.until(f"{SERVER}_count", 100)
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(port=page.port))
    port = free_port()
    host.start("prometheus", f"--config.file={tmp_path / 'prometheus.yml'}",
               f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
               "--log.level=warn")

    def query(expression):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode(
            {"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return []

    def value(expression):
        result = query(expression)
        return float(result[0]["value"][1]) if result else None

    wait_until(lambda: value(f"sum({SERVER}_count)") is not None, "Prometheus to scrape", 30)
    assert value(f"sum({SERVER}_count)") == 100
    assert value(f'sum({CLIENT}_count{{http_request_method="GET"}})') == sum(
        line["method"] == "GET" for line in worker.requests())
    assert value("sum(http_server_duration_milliseconds_count)") == 100
    assert value(f"histogram_quantile(0.99, sum by (le) ({SERVER}_bucket))") > 0
    assert value("count(process_resident_memory_bytes)") >= 1
    assert value('up{job="tacit"}') == 1
    agent.finish()
