// SPDX-License-Identifier: Apache-2.0
// Every setting of the agent, one struct. Loaded once at start (config_loader.h), then read only.
// The keys, their variables and their defaults are documented in README.md of this folder.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tacit::config {

// Which processes to observe. Conditions inside one selector must all hold; several selectors are
// alternatives. Globs match the whole string; `*` matches any run of characters, '/' included.
struct Selector {
  std::string name;               // service.name of what matches; empty: found out
  std::vector<uint16_t> ports;    // listens on one of these TCP ports
  std::string exe;                // glob on the executable's path
  std::string cmd;                // glob on the command line, arguments joined by blanks
  int pid = 0;                    // this process and its descendants
  std::string cgroup;             // glob on the cgroup path
  std::string container;          // glob on the container's id or name
};

enum class ConsoleFormat { kOff, kJson, kText };
enum class OtlpProtocol { kGrpc, kHttpProtobuf };
enum class SemanticConvention { kStable, kLegacy, kBoth };
enum class QueryPolicy { kDrop, kRedact };
// As bits: enum carries of bpf/events/traced_process.h.
enum class TraceCarrier { kNone = 0, kTcpOption = 1, kHeader = 2, kBoth = 3 };

// One OTLP signal's destination. Empty endpoint: not exported.
struct OtlpConfig {
  std::string endpoint;  // http(s)://host:port; for HTTP/protobuf the full URL with /v1/traces
  OtlpProtocol protocol = OtlpProtocol::kGrpc;
  std::map<std::string, std::string> headers;  // values are secrets: never logged
  std::chrono::milliseconds timeout{10'000};
  bool gzip = false;
  std::string certificate;         // CA file
  std::string client_certificate;  // PEM files for mutual TLS
  std::string client_key;
};

struct SamplerConfig {
  // always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off,
  // parentbased_traceidratio (OTEL_TRACES_SAMPLER's names)
  std::string name = "parentbased_always_on";
  double ratio = 1.0;  // OTEL_TRACES_SAMPLER_ARG
};

struct Config {
  std::vector<Selector> selectors;

  // What is captured
  uint32_t ring_mib = 8;             // ring buffer between kernel and agent, a power of two
  uint32_t max_capture_bytes = 65536;  // bytes of one transfer that are copied; the rest is counted

  // HTTP
  QueryPolicy http_query = QueryPolicy::kDrop;
  std::vector<std::string> http_routes;            // user's route patterns: /items/{id}
  std::vector<std::string> http_request_headers;   // header names to export, lower case
  std::vector<std::string> http_response_headers;

  // Traces
  SamplerConfig sampler;
  // Share of the traces that begin at this service which are kept, by service.name; what began
  // elsewhere keeps its decision.
  std::map<std::string, double> service_ratios;
  bool runtime_probes = true;  // probes in language runtimes, where they tell who works for whom
  // How requests to other hosts take their trace along, and whose do.
  TraceCarrier inject = TraceCarrier::kNone;
  std::vector<std::string> inject_services;  // service names
  std::map<std::string, std::string> resource_attributes;  // added to every resource
  std::string service_name;  // overrides every found name (TACIT_SERVICE_NAME, not OTEL_SERVICE_NAME)

  // GPU: three tiers, each useful alone
  bool gpu_devices = true;      // figures of the devices, by NVML
  bool gpu_dcgm_names = false;  // and the same under dcgm-exporter's names and labels
  bool gpu_calls = true;        // probes on CUDA's and NCCL's libraries
  bool gpu_training = true;     // probes on PyTorch: steps and phases of a training run
  uint32_t gpu_step_spans = 0;  // every how many steps one is a span of its own; 0: none
  bool gpu_kernels = true;      // kernel records by the library that `tacit exec` injects
  double gpu_kernel_budget = 0.01;  // share of a process's time that its tracing may cost
  std::string gpu_library;      // path of libtacit_cupti.so; empty: beside the executable

  // Destinations
  ConsoleFormat console = ConsoleFormat::kOff;
  OtlpConfig otlp_traces;
  OtlpConfig otlp_metrics;
  std::chrono::milliseconds metric_interval{60'000};  // OTEL_METRIC_EXPORT_INTERVAL
  uint32_t queue_spans = 8192;                        // bound of each destination's queue
  bool prometheus = false;
  std::string prometheus_host = "localhost";  // OTEL_EXPORTER_PROMETHEUS_HOST
  uint16_t prometheus_port = 9464;            // OTEL_EXPORTER_PROMETHEUS_PORT

  // Metrics
  SemanticConvention semconv = SemanticConvention::kStable;
  uint32_t series_limit = 2000;  // series per metric; what is beyond shares one overflow series

  std::string log_level = "info";  // debug, info, warn, error, off
};

}  // namespace tacit::config
