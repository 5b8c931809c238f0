// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/request_metrics.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "agent/base/valid_text.h"

namespace tacit::metrics {
namespace {

using config::SemanticConvention;
using prometheus::Histogram;

// https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
const Histogram::BucketBoundaries& seconds_buckets() {
  static const Histogram::BucketBoundaries buckets = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                      0.5,   0.75, 1,     2.5,  5,     7.5, 10};
  return buckets;
}

// The conventions leave the buckets of body sizes open: powers of four from 256 bytes to 256 MiB.
const Histogram::BucketBoundaries& bytes_buckets() {
  static const Histogram::BucketBoundaries buckets = {
      0, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456};
  return buckets;
}

// The OpenTelemetry SDKs' default, which the older instrumentations use for everything.
const Histogram::BucketBoundaries& legacy_buckets() {
  static const Histogram::BucketBoundaries buckets = {
      0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000};
  return buckets;
}

void set(prometheus::Labels& labels, const char* name, std::string_view value) {
  if (!value.empty()) labels.emplace(name, valid_utf8(value));
}

void set(prometheus::Labels& labels, const char* name, int value) {
  if (value != 0) labels.emplace(name, std::to_string(value));
}

}  // namespace

RequestMetrics::RequestMetrics(const config::Config& config, TargetTable& targets)
    : targets_(targets),
      limit_(config.series_limit),
      convention_(config.semconv),
      self_(targets.self_labels()) {
  const bool stable = convention_ != SemanticConvention::kLegacy;
  const bool legacy = convention_ != SemanticConvention::kStable;
  build_server(stable, legacy);
  build_client(stable, legacy);
  active_ = &prometheus::BuildGauge()
                 .Name("http_server_active_requests")
                 .Help("HTTP requests that the server is working on")
                 .Register(registry_);
}

prometheus::Family<Histogram>* RequestMetrics::histogram(const char* name, const char* help) {
  return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
}

void RequestMetrics::build_server(bool stable, bool legacy) {
  auto& families = server_.families;
  if (stable) {
    families[kDuration] = histogram("http_server_request_duration_seconds",
                                    "Duration of HTTP server requests");
    families[kRequestBody] = histogram("http_server_request_body_size_bytes",
                                       "Size of HTTP server request bodies");
    families[kResponseBody] = histogram("http_server_response_body_size_bytes",
                                        "Size of HTTP server response bodies");
  }
  if (legacy) {
    families[kLegacyDuration] = histogram("http_server_duration_milliseconds",
                                          "Duration of HTTP server requests (older name)");
    families[kLegacyRequestSize] = histogram("http_server_request_size_bytes",
                                             "Size of HTTP server request bodies (older name)");
    families[kLegacyResponseSize] = histogram("http_server_response_size_bytes",
                                              "Size of HTTP server response bodies (older name)");
  }
}

void RequestMetrics::build_client(bool stable, bool legacy) {
  auto& families = client_.families;
  if (stable) {
    families[kDuration] = histogram("http_client_request_duration_seconds",
                                    "Duration of HTTP client requests");
    families[kRequestBody] = histogram("http_client_request_body_size_bytes",
                                       "Size of HTTP client request bodies");
    families[kResponseBody] = histogram("http_client_response_body_size_bytes",
                                        "Size of HTTP client response bodies");
  }
  if (legacy) {
    families[kLegacyDuration] = histogram("http_client_duration_milliseconds",
                                          "Duration of HTTP client requests (older name)");
  }
}

// All that labels depend on, field by field: equal keys, equal label sets.
void RequestMetrics::make_key(const RequestSample& sample, uint32_t target) {
  struct {
    uint32_t target;
    uint16_t status;
    uint16_t port;
  } const numbers = {target, static_cast<uint16_t>(sample.status),
                     sample.server ? uint16_t{0} : sample.server_port};
  const std::array<std::string_view, 5> texts = {
      sample.method, sample.scheme, sample.protocol_version, sample.error_type,
      sample.server ? sample.route : sample.server_address};
  size_t size = sizeof numbers + texts.size();
  for (const std::string_view text : texts) size += text.size();
  key_.resize(size);
  char* at = key_.data();
  std::memcpy(at, &numbers, sizeof numbers);
  at += sizeof numbers;
  for (const std::string_view text : texts) {
    at = std::copy(text.begin(), text.end(), at);
    *at++ = '\0';
  }
}

void RequestMetrics::observe(const RequestSample& sample, const telemetry::Resource& resource) {
  Side& side = sample.server ? server_ : client_;
  uint32_t target = targets_.find(resource);
  make_key(sample, target);
  bool overflow = false;
  Series* series = nullptr;
  if (const auto found = side.series.find(key_); found != side.series.end()) {
    series = &found->second;
  } else if (target != TargetTable::kNone && side.series.size() < limit_) {
    series = &side.series[key_];
  } else {
    overflow = true;
    series = &overflow_series(side, target);
  }
  const auto put = [&](Instrument instrument, double value) {
    if (side.families[instrument] == nullptr) return;
    record(side, *series, instrument, value, sample, target, overflow);
  };
  const auto duration = static_cast<double>(sample.duration_ns);
  put(kDuration, duration / 1e9);
  put(kLegacyDuration, duration / 1e6);
  if (sample.request_body_bytes >= 0) {
    put(kRequestBody, static_cast<double>(sample.request_body_bytes));
    put(kLegacyRequestSize, static_cast<double>(sample.request_body_bytes));
  }
  if (sample.response_body_bytes >= 0) {
    put(kResponseBody, static_cast<double>(sample.response_body_bytes));
    put(kLegacyResponseSize, static_cast<double>(sample.response_body_bytes));
  }
}

RequestMetrics::Series& RequestMetrics::overflow_series(Side& side, uint32_t& target) {
  if (target != TargetTable::kNone) {
    if (const auto found = side.overflow.find(target); found != side.overflow.end()) {
      return found->second;
    }
  }
  if (target == TargetTable::kNone || side.overflow.size() >= kMaxOverflowTargets) {
    target = TargetTable::kSelf;
  }
  return side.overflow[target];
}

void RequestMetrics::record(Side& side, Series& series, Instrument instrument, double value,
                            const RequestSample& sample, uint32_t target, bool overflow) {
  if (overflow) side.overflowed[instrument].fetch_add(1, std::memory_order_relaxed);
  Histogram*& histogram = series.histograms[instrument];
  if (histogram == nullptr) {
    const bool legacy = instrument >= kLegacyDuration;
    const auto& buckets = legacy                   ? legacy_buckets()
                          : instrument == kDuration ? seconds_buckets()
                                                    : bytes_buckets();
    // Add() gives the same histogram for the same labels: two keys may differ only in what the
    // older labels leave out.
    histogram = &side.families[instrument]->Add(
        overflow ? overflow_labels(target) : labels_of(sample, target, legacy), buckets);
  }
  histogram->Observe(value);
}

prometheus::Labels RequestMetrics::labels_of(const RequestSample& sample, uint32_t target,
                                             bool legacy) const {
  prometheus::Labels labels = {{"job", targets_.job(target)},
                               {"instance", targets_.instance(target)}};
  if (legacy) {
    set(labels, "http_method", sample.method);
    set(labels, "http_status_code", sample.status);
    set(labels, "http_scheme", sample.scheme);
    set(labels, "http_flavor", sample.protocol_version);
  } else {
    set(labels, "http_request_method", sample.method);
    set(labels, "http_response_status_code", sample.status);
    set(labels, "url_scheme", sample.scheme);
    set(labels, "network_protocol_version", sample.protocol_version);
    set(labels, "error_type", sample.error_type);
  }
  if (sample.server) {
    set(labels, "http_route", sample.route);
  } else {
    set(labels, legacy ? "net_peer_name" : "server_address", sample.server_address);
    set(labels, legacy ? "net_peer_port" : "server_port", sample.server_port);
  }
  return labels;
}

// https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute
prometheus::Labels RequestMetrics::overflow_labels(uint32_t target) const {
  return {{"job", targets_.job(target)},
          {"instance", targets_.instance(target)},
          {"otel_metric_overflow", "true"}};
}

// Both conventions give this gauge the same name with other labels: a series carries the labels of
// all conventions that are on, so that no request is counted twice.
prometheus::Labels RequestMetrics::active_labels(const RequestSample& sample,
                                                 uint32_t target) const {
  prometheus::Labels labels = {{"job", targets_.job(target)},
                               {"instance", targets_.instance(target)}};
  if (convention_ != SemanticConvention::kLegacy) {
    set(labels, "http_request_method", sample.method);
    set(labels, "url_scheme", sample.scheme);
  }
  if (convention_ != SemanticConvention::kStable) {
    set(labels, "http_method", sample.method);
    set(labels, "http_scheme", sample.scheme);
  }
  return labels;
}

void RequestMetrics::add_active(const RequestSample& sample, const telemetry::Resource& resource,
                                int change) {
  const uint32_t target = targets_.find(resource);
  key_.assign(reinterpret_cast<const char*>(&target), sizeof target);
  key_ += sample.method;
  key_ += '\0';
  key_ += sample.scheme;
  auto found = active_series_.find(key_);
  if (found == active_series_.end()) {
    const bool room = target != TargetTable::kNone && active_series_.size() < limit_;
    auto& gauge =
        active_->Add(room ? active_labels(sample, target) : overflow_labels(TargetTable::kSelf));
    if (!room) return gauge.Increment(change);
    found = active_series_.emplace(key_, &gauge).first;
  }
  found->second->Increment(change);
}

std::vector<prometheus::MetricFamily> RequestMetrics::collect() const {
  FamilySet set;
  set.append(registry_.Collect());
  for (const Side* side : {&server_, &client_}) {
    for (size_t i = 0; i < kInstruments; ++i) {
      if (side->families[i] == nullptr) continue;
      Labels labels = self_;
      labels.push_back({"metric", side->families[i]->GetName()});
      set.add_counter("tacit_metric_overflow_total",
                      "Values that went to an overflow series, as the series limit was reached",
                      std::move(labels),
                      static_cast<double>(side->overflowed[i].load(std::memory_order_relaxed)));
    }
  }
  return set.take();
}

}  // namespace tacit::metrics
