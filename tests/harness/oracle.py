# SPDX-License-Identifier: Apache-2.0
"""Compares spans with what the peers themselves logged: each request exactly once, no more, no
fewer, with the right method, path, status, sizes, ports and times."""
import collections
import dataclasses

ANY = ...  # not compared
# How far a span's times may lie outside the peer's own clock readings around the request.
CLOCK_SLACK_NS = 50_000_000

COMPARED = ("status", "request_bytes", "response_bytes", "server_port", "client_port",
            "error_type", "status_code", "outcome", "service", "name")


@dataclasses.dataclass
class Expected:
    """One span that must exist. None: the attribute must be absent; ANY: not compared."""
    kind: str
    method: str
    path: str
    status: object = ANY
    request_bytes: object = ANY
    response_bytes: object = ANY
    server_port: object = ANY
    client_port: object = ANY
    error_type: object = ANY
    status_code: object = ANY
    outcome: object = ANY
    service: object = ANY
    name: object = ANY
    start_ns: object = ANY
    end_ns: object = ANY


def client(method, path, **fields):
    return Expected("CLIENT", method, path, **fields)


def server(method, path, **fields):
    return Expected("SERVER", method, path, **fields)


def from_log(line):
    """What one line of a peer's log (workloads/request_log.py) promises: a complete exchange."""
    fields = {name: line[name] for name in ("status", "request_bytes", "response_bytes",
                                            "server_port", "client_port", "error_type",
                                            "start_ns", "end_ns") if name in line}
    kind = {"client": "CLIENT", "server": "SERVER"}[line["side"]]
    failed = line["status"] >= (400 if kind == "CLIENT" else 500)
    fields.update(outcome=None, status_code="ERROR" if failed else "UNSET",
                  error_type=str(line["status"]) if failed else None)
    if kind == "CLIENT":
        # A client's span names the far end; its own port is no attribute of it. Its clock readings
        # enclose the span, where a server's handler lies inside it.
        fields.pop("client_port", None)
    else:
        fields.pop("start_ns", None)
        fields.pop("end_ns", None)
    return Expected(kind, line["method"], line["path"].split("?")[0], **fields)


def differences(expected, span):
    found = []
    for name in COMPARED:
        want = getattr(expected, name)
        have = getattr(span, name)
        if want is not ANY and want != have:
            found.append(f"{name}: want {want!r}, have {have!r}")
    if expected.start_ns is not ANY and span.start_ns < expected.start_ns - CLOCK_SLACK_NS:
        found.append(f"starts {(expected.start_ns - span.start_ns) / 1e6:.1f} ms too early")
    if expected.end_ns is not ANY and span.end_ns > expected.end_ns + CLOCK_SLACK_NS:
        found.append(f"ends {(span.end_ns - expected.end_ns) / 1e6:.1f} ms too late")
    return found


def compare(expected, spans):
    """The list of complaints; empty where every request has its one span."""
    complaints = []
    by_key = collections.defaultdict(lambda: ([], []))
    for item in expected:
        by_key[item.kind, item.method, item.path][0].append(item)
    for span in spans:
        by_key[span.kind, span.method, span.path][1].append(span)
        if span.end_ns < span.start_ns:
            complaints.append(f"ends before it starts: {span}")
    identities = collections.Counter(span.span_id for span in spans)
    complaints += [f"{count} spans share the id {identity}"
                   for identity, count in identities.items() if count > 1]
    for key, (wanted, had) in by_key.items():
        left = list(had)
        unmatched = []
        for item in wanted:
            match = next((span for span in left if not differences(item, span)), None)
            if match:
                left.remove(match)
            else:
                unmatched.append(item)
        for item in unmatched:
            if left:
                complaints.append(f"{key}: {'; '.join(differences(item, left.pop(0)))}")
            else:
                complaints.append(f"{key}: no span")
        complaints += [f"{key}: a span too many: {span}" for span in left]
    return complaints


def check(spans, *processes, expected=()):
    """Fails unless the spans are exactly those of the processes' own logs plus `expected`."""
    wanted = list(expected)
    for process in processes:
        lines = process.requests()
        assert lines, f"the log of process {process.pid} is empty: {process.stderr()[-2000:]}"
        wanted += [from_log(line) for line in lines]
    complaints = compare(wanted, spans)
    if complaints:
        shown = "\n  ".join(complaints[:20])
        raise AssertionError(f"{len(complaints)} complaints, {len(wanted)} requests wanted, "
                             f"{len(spans)} spans had:\n  {shown}")
