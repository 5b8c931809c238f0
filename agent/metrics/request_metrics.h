// SPDX-License-Identifier: Apache-2.0
// The HTTP histograms, by OpenTelemetry's stable names and, where the user's dashboards need them,
// by the older ones. README.md lists names and labels.
#pragma once
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/hash.h"
#include "agent/config/config.h"
#include "agent/metrics/family_set.h"
#include "agent/metrics/request_sample.h"
#include "agent/metrics/target_table.h"
#include "agent/telemetry/resource.h"

namespace tacit::metrics {

// observe() and add_active() on the loop thread: one hash look-up, then the cached histograms; no
// allocation for a label set seen before. collect() on any thread.
class RequestMetrics {
 public:
  // Targets beyond this many share the agent's own overflow series.
  static constexpr size_t kMaxOverflowTargets = 64;

  // `targets` must outlive this.
  RequestMetrics(const config::Config& config, TargetTable& targets);

  // Counts one exchange. At the cap (config.series_limit label sets a side) what is new goes to
  // the target's one overflow series: nothing is lost but its labels.
  void observe(const RequestSample& sample, const telemetry::Resource& resource);

  // A server's request began (+1) or ended (-1). Only method and scheme are looked at; both calls
  // must name the same ones.
  void add_active(const RequestSample& sample, const telemetry::Resource& resource, int change);

  std::vector<prometheus::MetricFamily> collect() const;

 private:
  enum Instrument : uint8_t {
    kDuration,
    kRequestBody,
    kResponseBody,
    kLegacyDuration,
    kLegacyRequestSize,
    kLegacyResponseSize,
    kInstruments,
  };

  // The histograms of one label set; made as they get their first value.
  struct Series {
    std::array<prometheus::Histogram*, kInstruments> histograms{};
  };

  struct Side {
    std::array<prometheus::Family<prometheus::Histogram>*, kInstruments> families{};  // null: off
    StringMap<Series> series;
    std::unordered_map<uint32_t, Series> overflow;  // by target
    std::array<std::atomic<uint64_t>, kInstruments> overflowed{};
  };

  void build_server(bool stable, bool legacy);
  void build_client(bool stable, bool legacy);
  prometheus::Family<prometheus::Histogram>* histogram(const char* name, const char* help);

  void make_key(const RequestSample& sample, uint32_t target);
  Series& overflow_series(Side& side, uint32_t& target);
  void record(Side& side, Series& series, Instrument instrument, double value,
              const RequestSample& sample, uint32_t target, bool overflow);
  prometheus::Labels labels_of(const RequestSample& sample, uint32_t target, bool legacy) const;
  prometheus::Labels overflow_labels(uint32_t target) const;
  prometheus::Labels active_labels(const RequestSample& sample, uint32_t target) const;

  TargetTable& targets_;
  const size_t limit_;
  const config::SemanticConvention convention_;
  const Labels self_;  // of the agent; a copy, as collect() must not touch targets_
  prometheus::Registry registry_;
  Side server_;
  Side client_;
  prometheus::Family<prometheus::Gauge>* active_;
  StringMap<prometheus::Gauge*> active_series_;
  std::string key_;  // scratch
};

}  // namespace tacit::metrics
