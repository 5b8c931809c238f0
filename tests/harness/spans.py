# SPDX-License-Identifier: Apache-2.0
"""Spans as the console prints them. The one place that knows that schema
(exporters/console/README.md)."""
import dataclasses
import json


@dataclasses.dataclass
class Span:
    name: str
    kind: str  # "SERVER", "CLIENT", "INTERNAL"
    trace_id: str
    span_id: str
    parent_span_id: str  # "" for none
    start_ns: int
    end_ns: int
    status_code: str  # "UNSET", "OK", "ERROR"
    status_message: str
    attributes: dict
    resource: dict
    events: list = dataclasses.field(default_factory=list)  # as printed

    def __getitem__(self, key):
        return self.attributes.get(key)

    @property
    def method(self):
        return self.attributes.get("http.request.method")

    @property
    def path(self):
        return self.attributes.get("url.path")

    @property
    def status(self):
        return self.attributes.get("http.response.status_code")

    @property
    def request_bytes(self):
        return self.attributes.get("http.request.body.size")

    @property
    def response_bytes(self):
        return self.attributes.get("http.response.body.size")

    @property
    def server_port(self):
        return self.attributes.get("server.port")

    @property
    def client_port(self):
        return self.attributes.get("client.port", self.attributes.get("network.peer.port"))

    @property
    def error_type(self):
        return self.attributes.get("error.type")

    @property
    def outcome(self):
        """How it ended, where it did not end well: absent for a complete exchange."""
        return self.attributes.get("tacit.outcome")

    @property
    def is_program(self):
        """A program from exec to exit, and no request."""
        return "process.executable.name" in self.attributes

    @property
    def service(self):
        return self.resource.get("service.name")


def from_console(line):
    """One line of `--console json`, parsed."""
    status = line.get("status") or {}
    return Span(name=line["name"], kind=line["kind"], trace_id=line["trace_id"],
                span_id=line["span_id"], parent_span_id=line.get("parent_span_id") or "",
                start_ns=int(line["start_time_unix_nano"]), end_ns=int(line["end_time_unix_nano"]),
                status_code=status.get("code", "UNSET"), status_message=status.get("message", ""),
                attributes=line.get("attributes") or {}, resource=line.get("resource") or {},
                events=line.get("events") or [])


def split(spans):
    """(spans of requests, spans of programs)"""
    return ([span for span in spans if not span.is_program],
            [span for span in spans if span.is_program])


def parse(text):
    """Splits what the agent printed into spans and the other lines (its log)."""
    spans, log = [], []
    for line in text.splitlines():
        if line.startswith("{"):
            spans.append(from_console(json.loads(line)))
        else:
            log.append(line)
    return spans, log
