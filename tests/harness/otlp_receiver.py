# SPDX-License-Identifier: Apache-2.0
"""A small OTLP receiver for the failure modes that a real one cannot be made to show. Real ones:
collector.py."""
import concurrent.futures
import gzip
import http.server
import threading
import time

import grpc
from google.protobuf import duration_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

from harness.spans import Span, split

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}
CODES = {0: "UNSET", 1: "OK", 2: "ERROR"}


def value_of(value):
    which = value.WhichOneof("value")
    if which == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, which) if which else None


def attributes(pairs):
    return {pair.key: value_of(pair.value) for pair in pairs}


def spans_of(request):
    """The spans of one ExportTraceServiceRequest, in the form the oracle compares."""
    return [Span(name=span.name, kind=KINDS.get(span.kind, str(span.kind)),
                 trace_id=span.trace_id.hex(), span_id=span.span_id.hex(),
                 parent_span_id=span.parent_span_id.hex(), start_ns=span.start_time_unix_nano,
                 end_ns=span.end_time_unix_nano, status_code=CODES[span.status.code],
                 status_message=span.status.message, attributes=attributes(span.attributes),
                 resource=attributes(group.resource.attributes))
            for group in request.resource_spans for scope in group.scope_spans
            for span in scope.spans]


class Receiver:
    """Answers each export as `plan` says, in turn; after its end with success. A plan's item is
    ("ok",), ("http", status, headers), ("grpc", code, retry_delay_seconds or None) or
    ("sleep", seconds) followed by success."""

    def __init__(self, *plan):
        self.plan = list(plan)
        self.lock = threading.Lock()
        self.times = []  # when each trace export came, on the monotonic clock
        self.accepted = []  # spans of requests in exports that were answered with success
        self.programs = []  # spans of programs, likewise
        self.refused = 0  # spans of those that were not
        self.headers = []
        self.metric_exports = []

    def next_answer(self):
        with self.lock:
            self.times.append(time.monotonic())
            return self.plan.pop(0) if self.plan else ("ok",)

    def take(self, request, accepted):
        with self.lock:
            spans, programs = split(spans_of(request))
            if accepted:
                self.accepted += spans
                self.programs += programs
            else:
                self.refused += len(spans)


class HttpReceiver(Receiver):
    def __init__(self, *plan, port=0):
        super().__init__(*plan)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.headers.append(dict(self.headers))
                outer.serve(self, body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, handler, body):
        if handler.path == "/v1/metrics":
            with self.lock:
                self.metric_exports.append(metrics.ExportMetricsServiceRequest.FromString(body))
            self.reply(handler, 200, {}, metrics.ExportMetricsServiceResponse())
            return
        request = trace.ExportTraceServiceRequest.FromString(body)
        answer = self.next_answer()
        if answer[0] == "sleep":
            time.sleep(answer[1])
        status, headers = (answer[1], answer[2]) if answer[0] == "http" else (200, {})
        self.take(request, status == 200)
        self.reply(handler, status, headers, trace.ExportTraceServiceResponse())

    @staticmethod
    def reply(handler, status, headers, message):
        body = message.SerializeToString() if status == 200 else b""
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/x-protobuf")
            handler.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # the agent gave up first

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class GrpcReceiver(Receiver):
    def __init__(self, *plan, credentials=None):
        super().__init__(*plan)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((
            self.handlers("trace.v1.TraceService", trace.ExportTraceServiceRequest, self.traces),
            self.handlers("metrics.v1.MetricsService", metrics.ExportMetricsServiceRequest,
                          self.metrics)))
        if credentials:
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = f"{'https' if credentials else 'http'}://127.0.0.1:{self.port}"
        self.server.start()

    @staticmethod
    def handlers(service, message, method):
        return grpc.method_handlers_generic_handler(
            f"opentelemetry.proto.collector.{service}",
            {"Export": grpc.unary_unary_rpc_method_handler(
                method, request_deserializer=message.FromString,
                response_serializer=lambda reply: reply.SerializeToString())})

    def traces(self, request, context):
        self.headers.append(dict(context.invocation_metadata()))
        answer = self.next_answer()
        if answer[0] == "sleep":
            time.sleep(answer[1])
        if answer[0] == "grpc":
            self.take(request, False)
            if answer[2] is not None:
                self.ask_to_wait(context, answer[1], answer[2])
            context.abort(answer[1], "as planned")
        self.take(request, True)
        return trace.ExportTraceServiceResponse()

    @staticmethod
    def ask_to_wait(context, code, seconds):
        """google.rpc.RetryInfo in grpc-status-details-bin, written by hand: three small messages."""
        delay = duration_pb2.Duration(seconds=int(seconds),
                                      nanos=int(seconds % 1 * 1e9)).SerializeToString()

        def field(number, content):
            return bytes([number << 3 | 2, len(content)]) + content

        info = field(1, delay)
        detail = field(1, b"type.googleapis.com/google.rpc.RetryInfo") + field(2, info)
        status = bytes([1 << 3, code.value[0]]) + field(2, b"as planned") + field(3, detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status),))

    def metrics(self, request, context):
        with self.lock:
            self.metric_exports.append(request)
        return metrics.ExportMetricsServiceResponse()

    def close(self):
        self.server.stop(0).wait()
