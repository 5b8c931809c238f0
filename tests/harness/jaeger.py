# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger (built by prepare-peers.sh) that keeps what it is sent in memory, and its API."""
import json
import time
import urllib.parse
import urllib.request

from harness import peers
from harness.processes import free_port, listening_ports, wait_until

CONFIG = """
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
"""


class Jaeger:
    def __init__(self, host, place):
        self.otlp_port, self.port, query_grpc = free_port(), free_port(), free_port()
        config = place / "jaeger.yaml"
        config.write_text(CONFIG.format(otlp=self.otlp_port, query=self.port,
                                        query_grpc=query_grpc))
        # Otherwise it sends traces of itself.
        self.process = host.start(peers.program("jaeger"), "--config", config,
                                  env={"OTEL_TRACES_SAMPLER": "always_off"})
        wait_until(lambda: {self.otlp_port, self.port} <= listening_ports(), "Jaeger", 40)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.otlp_port}"

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def services(self):
        return set(self.ask("/api/services") or [])

    def traces(self, service):
        return self.ask("/api/traces", service=service, limit=1000)

    def dependencies(self):
        """{(caller, callee): calls}, as Jaeger's own graph has it (with each service's parents in
        itself, which are left out here)."""
        edges = self.ask("/api/dependencies", endTs=int(time.time() * 1000) + 60_000,
                         lookback=3_600_000)
        return {(edge["parent"], edge["child"]): edge["callCount"] for edge in edges
                if edge["parent"] != edge["child"]}
