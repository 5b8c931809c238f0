// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/config/value_parsers.h"

namespace tacit::config {
namespace {

using Outcome = Result<void>;

constexpr uint64_t kMillion = 1'000'000;

// What a layer says in general replaces what a lower layer said for one signal.
Outcome set_common(Draft& draft, std::string_view field, const Value& value) {
  if (auto set = set_otlp_field(draft.otlp, field, value); !set) return set;
  for (OtlpDraft* own : {&draft.otlp_traces, &draft.otlp_metrics}) {
    if (field == "endpoint") own->endpoint.reset(), own->wanted.reset();
    if (field == "protocol") own->protocol.reset();
    if (field == "headers") own->headers.reset();
    if (field == "timeout") own->timeout.reset();
    if (field == "compression") own->gzip.reset();
    if (field == "insecure") own->insecure.reset();
    if (field == "certificate") own->certificate.reset();
    if (field == "client_certificate") own->client_certificate.reset();
    if (field == "client_key") own->client_key.reset();
  }
  return {};
}

Outcome set_signal_endpoint(OtlpDraft& own, const Value& value) {
  if (value.text == "none") {
    own.wanted = false;
    return {};
  }
  own.wanted.reset();
  return set_otlp_field(own, "endpoint", value);
}

Outcome set_console(Draft& draft, const Value& value) {
  draft.console_auto = value.text == "on";
  if (draft.console_auto) {
    draft.console.reset();
    return {};
  }
  ConsoleFormat format{};
  if (auto set = choose(value.text, format,
                        {{"off", ConsoleFormat::kOff}, {"json", ConsoleFormat::kJson},
                         {"text", ConsoleFormat::kText}});
      !set)
    return fail("allowed are json, text, on and off");
  draft.console = format;
  return {};
}

Outcome set_resource(Draft& draft, const Value& value) {
  if (value.pairs.contains("service.name"))
    return fail("service.name has its own key, of that name");
  for (const auto& [key, text] : value.pairs) draft.config.resource_attributes[key] = text;
  return {};
}

Outcome set_sampler(Draft& draft, const Value& value) {
  return choose(value.text, draft.config.sampler.name,
                {{"always_on", "always_on"},
                 {"always_off", "always_off"},
                 {"traceidratio", "traceidratio"},
                 {"parentbased_always_on", "parentbased_always_on"},
                 {"parentbased_always_off", "parentbased_always_off"},
                 {"parentbased_traceidratio", "parentbased_traceidratio"}});
}

Outcome set_log_level(Draft& draft, const Value& value) {
  return choose(value.text, draft.config.log_level,
                {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"},
                 {"off", "off"}, {"none", "off"}, {"warning", "warn"}, {"verbose", "debug"},
                 {"trace", "debug"}, {"all", "debug"}},
                5);
}

Outcome set_ring(Draft& draft, const Value& value) {
  uint32_t mib = 0;
  if (!parse_number(value.text, 1, 1024, mib) || (mib & (mib - 1)) != 0)
    return fail("it must be a power of two from 1 to 1024");
  draft.config.ring_mib = mib;
  return {};
}

using D = Draft&;
using V = const Value&;
constexpr auto kText = ValueKind::kText;
constexpr auto kList = ValueKind::kList;
constexpr auto kPairs = ValueKind::kPairs;

constexpr std::array kKeys = {
    Key{"service.name", "--service-name", "", kText, "found out",
        "`service.name` of everything observed", false,
        [](D draft, V value) -> Outcome {
          return set_text(value.text, draft.config.service_name);
        }},
    Key{"selectors", "", "", ValueKind::kSelectors, "none",
        "what `tacit run` observes, see below", false,
        [](D draft, V value) -> Outcome {
          draft.config.selectors = value.selectors;
          return {};
        }},
    Key{"capture.ring_mib", "", "", kText, "8",
        "buffer between kernel and agent in MiB, a power of two", false, set_ring},
    Key{"capture.max_bytes", "", "", kText, "65536",
        "bytes of one transfer that are looked at, 256 to 65536; the rest is only counted", false,
        [](D draft, V value) -> Outcome {
          return set_number(value.text, 256, 65536, draft.config.max_capture_bytes);
        }},
    Key{"http.query", "--http-query", "", kText, "drop",
        "query strings: `drop`, or `redact` to keep them without the values of secret keys", false,
        [](D draft, V value) -> Outcome {
          return choose(value.text, draft.config.http_query,
                        {{"drop", QueryPolicy::kDrop}, {"redact", QueryPolicy::kRedact}});
        }},
    Key{"http.routes", "--route", "", kList, "learned",
        "route patterns that win over learned ones, such as `/items/{id}`", false,
        [](D draft, V value) -> Outcome {
          return set_routes(value.list, draft.config.http_routes);
        }},
    Key{"http.request_headers", "", "", kList, "none",
        "request headers to export as attributes", false,
        [](D draft, V value) -> Outcome {
          return set_header_names(value.list, draft.config.http_request_headers);
        }},
    Key{"http.response_headers", "", "", kList, "none",
        "response headers to export as attributes", false,
        [](D draft, V value) -> Outcome {
          return set_header_names(value.list, draft.config.http_response_headers);
        }},
    Key{"traces.sampler", "--sampler", "OTEL_TRACES_SAMPLER", kText, "parentbased_always_on",
        "`always_on`, `always_off`, `traceidratio`, or these with `parentbased_` in front", false,
        set_sampler},
    Key{"traces.sampler_arg", "", "OTEL_TRACES_SAMPLER_ARG", kText, "1.0",
        "share of traces that a ratio sampler keeps, 0 to 1", false,
        [](D draft, V value) -> Outcome {
          return set_ratio(value.text, draft.config.sampler.ratio);
        }},
    Key{"traces.service_ratios", "", "", kPairs, "none",
        "service=share: of the traces that begin there, the share that is kept, 0 to 1", false,
        [](D draft, V value) -> Outcome {
          return set_ratios(value.pairs, draft.config.service_ratios);
        }},
    Key{"traces.runtime_probes", "", "", kText, "true",
        "probes in Python and Go runtimes that tell which request a call is made for", false,
        [](D draft, V value) -> Outcome {
          return set_boolean(value.text, draft.config.runtime_probes);
        }},
    Key{"traces.inject", "", "", kText, "none",
        "how requests of `traces.inject_services` take their trace to other hosts: `tcp` in a TCP option, for "
        "agents, no byte changes; `http` in a traceparent header put into plain HTTP/1.1; `all` in both",
        false,
        [](D draft, V value) -> Outcome {
          return choose(value.text, draft.config.inject,
                        {{"none", TraceCarrier::kNone},
                         {"tcp", TraceCarrier::kTcpOption},
                         {"http", TraceCarrier::kHeader},
                         {"all", TraceCarrier::kBoth}});
        }},
    Key{"traces.inject_services", "", "", kList, "none",
        "names of the services that `traces.inject` is for, at either end", false,
        [](D draft, V value) -> Outcome {
          draft.config.inject_services = value.list;
          return {};
        }},
    Key{"gpu.devices", "", "", kText, "true",
        "figures of NVIDIA devices, where there are any: utilization, memory, power, errors", false,
        [](D draft, V value) -> Outcome {
          return set_boolean(value.text, draft.config.gpu_devices);
        }},
    Key{"gpu.dcgm_names", "", "", kText, "false",
        "the same figures also as `DCGM_FI_*`, for dashboards made for dcgm-exporter", false,
        [](D draft, V value) -> Outcome {
          return set_boolean(value.text, draft.config.gpu_dcgm_names);
        }},
    Key{"gpu.calls", "", "", kText, "true",
        "probes on CUDA's and NCCL's libraries: launches, copies, memory, errors, collectives", false,
        [](D draft, V value) -> Outcome { return set_boolean(value.text, draft.config.gpu_calls); }},
    Key{"gpu.training", "", "", kText, "true",
        "probes on PyTorch: steps and phases of a training run", false,
        [](D draft, V value) -> Outcome {
          return set_boolean(value.text, draft.config.gpu_training);
        }},
    Key{"gpu.step_spans", "", "", kText, "0",
        "every how many training steps one is a span of its own; 0: none", false,
        [](D draft, V value) -> Outcome {
          return set_number(value.text, 0, kMillion, draft.config.gpu_step_spans);
        }},
    Key{"gpu.kernels", "", "", kText, "true",
        "kernels with device time: `tacit exec` loads its CUPTI library into CUDA programs", false,
        [](D draft, V value) -> Outcome {
          return set_boolean(value.text, draft.config.gpu_kernels);
        }},
    Key{"gpu.kernel_budget", "", "", kText, "0.01",
        "share of a program's time that tracing its kernels may cost; beyond it the tracer steps down", false,
        [](D draft, V value) -> Outcome {
          return set_ratio(value.text, draft.config.gpu_kernel_budget);
        }},
    Key{"gpu.library", "", "", kText, "beside tacit",
        "path of libtacit_cupti.so", false,
        [](D draft, V value) -> Outcome { return set_text(value.text, draft.config.gpu_library); }},
    Key{"resource.attributes", "", "OTEL_RESOURCE_ATTRIBUTES", kPairs, "none",
        "attributes of everything observed; the places add up", false, set_resource},
    Key{"export.console", "--console", "", kText, "see below",
        "`json`, `text`, `on` (text for a terminal, else json) or `off`", false, set_console},
    Key{"export.queue_spans", "", "OTEL_BSP_MAX_QUEUE_SIZE", kText, "8192",
        "spans that wait for each destination, 64 to 1000000; more are dropped and counted", false,
        [](D draft, V value) -> Outcome {
          return set_number(value.text, 64, kMillion, draft.config.queue_spans);
        }},
    Key{"export.metric_interval", "", "OTEL_METRIC_EXPORT_INTERVAL", kText, "60s",
        "time between two OTLP metric exports", false,
        [](D draft, V value) -> Outcome {
          return set_duration(value.text, draft.config.metric_interval);
        }},
    Key{"otlp.endpoint", "--otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", kText, "none",
        "URL of a collector for traces and metrics", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "endpoint", value); }},
    Key{"otlp.traces_endpoint", "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", kText, "none",
        "URL for traces alone, used as it is; `none` switches them off", false,
        [](D draft, V value) -> Outcome { return set_signal_endpoint(draft.otlp_traces, value); }},
    Key{"otlp.metrics_endpoint", "", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", kText, "none",
        "URL for metrics alone, used as it is; `none` switches them off", false,
        [](D draft, V value) -> Outcome { return set_signal_endpoint(draft.otlp_metrics, value); }},
    Key{"otlp.protocol", "--otlp-protocol", "OTEL_EXPORTER_OTLP_PROTOCOL", kText, "by the URL",
        "`grpc` or `http/protobuf`; unset: HTTP where the URL has port 4318 or a path", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "protocol", value); }},
    Key{"otlp.headers", "", "OTEL_EXPORTER_OTLP_HEADERS", kPairs, "none",
        "headers sent along, such as an API key; never shown", true,
        [](D draft, V value) -> Outcome { return set_common(draft, "headers", value); }},
    Key{"otlp.timeout", "", "OTEL_EXPORTER_OTLP_TIMEOUT", kText, "10s",
        "longest wait for one export", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "timeout", value); }},
    Key{"otlp.compression", "", "OTEL_EXPORTER_OTLP_COMPRESSION", kText, "none",
        "`gzip` or `none`", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "compression", value); }},
    Key{"otlp.insecure", "", "OTEL_EXPORTER_OTLP_INSECURE", kText, "unset",
        "`true` or `false`: no TLS for an endpoint that names neither http nor https", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "insecure", value); }},
    Key{"otlp.certificate", "", "OTEL_EXPORTER_OTLP_CERTIFICATE", kText, "the system's",
        "PEM file of the authorities to trust", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "certificate", value); }},
    Key{"otlp.client_certificate", "", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", kText, "none",
        "PEM file of the agent's own certificate", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "client_certificate", value); }},
    Key{"otlp.client_key", "", "OTEL_EXPORTER_OTLP_CLIENT_KEY", kText, "none",
        "PEM file of that certificate's key", false,
        [](D draft, V value) -> Outcome { return set_common(draft, "client_key", value); }},
    Key{"prometheus.enabled", "--prometheus", "", kText, "see below",
        "serve `/metrics`: `true` or `false`", false,
        [](D draft, V value) -> Outcome {
          bool on = false;
          if (auto set = set_boolean(value.text, on); !set) return set;
          draft.prometheus = on;
          return {};
        }},
    Key{"prometheus.host", "", "OTEL_EXPORTER_PROMETHEUS_HOST", kText, "localhost",
        "address to serve on", false,
        [](D draft, V value) -> Outcome {
          return set_host(value.text, draft.config.prometheus_host);
        }},
    Key{"prometheus.port", "", "OTEL_EXPORTER_PROMETHEUS_PORT", kText, "9464",
        "port to serve on; 0: any free one", false,
        [](D draft, V value) -> Outcome {
          return set_number(value.text, 0, 65535, draft.config.prometheus_port);
        }},
    Key{"metrics.semconv", "--semconv", "", kText, "stable",
        "names of metrics and labels: `stable`, `legacy` (older dashboards) or `both`", false,
        [](D draft, V value) -> Outcome {
          return choose(value.text, draft.config.semconv,
                        {{"stable", SemanticConvention::kStable},
                         {"legacy", SemanticConvention::kLegacy},
                         {"both", SemanticConvention::kBoth}});
        }},
    Key{"metrics.series_limit", "", "", kText, "2000",
        "series of one metric, 10 to 1000000; what is beyond shares one overflow series", false,
        [](D draft, V value) -> Outcome {
          return set_number(value.text, 10, kMillion, draft.config.series_limit);
        }},
    Key{"log.level", "--log-level", "OTEL_LOG_LEVEL", kText, "info",
        "the agent's own messages: `debug`, `info`, `warn`, `error`, `off`", false, set_log_level},
};
static_assert(kKeys.size() < 50, "every key is a promise; see README.md");

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(std::string_view name) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [&](const Key& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

std::string variable_name(std::string_view key_name) {
  std::string out = "TACIT_";
  for (const unsigned char c : key_name)
    out += c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return out;
}

std::string keys_markdown() {
  std::string out;
  const auto code = [](std::string_view text) {
    return text.empty() ? std::string{} : fmt::format("`{}`", text);
  };
  for (const auto& key : kKeys)
    out += fmt::format("| `{}` | `{}` | {} | {} | {} | {} |\n", key.name, variable_name(key.name),
                       code(key.flag), code(key.otel), key.fallback, key.meaning);
  return out;
}

Result<void> set_otlp_field(OtlpDraft& draft, std::string_view field, const Value& value) {
  if (field == "endpoint") return set_endpoint(value.text, draft.endpoint.emplace());
  if (field == "protocol") return set_protocol(value.text, draft.protocol.emplace());
  if (field == "headers") return set_headers(value.pairs, draft.headers.emplace());
  if (field == "timeout") return set_duration(value.text, draft.timeout.emplace());
  if (field == "compression")
    return choose(value.text, draft.gzip.emplace(), {{"gzip", true}, {"none", false}});
  if (field == "insecure") return set_boolean(value.text, draft.insecure.emplace());
  if (field == "certificate") return set_text(value.text, draft.certificate.emplace());
  if (field == "client_certificate")
    return set_text(value.text, draft.client_certificate.emplace());
  if (field == "client_key") return set_text(value.text, draft.client_key.emplace());
  return fail("no such OTLP setting");
}

}  // namespace tacit::config
