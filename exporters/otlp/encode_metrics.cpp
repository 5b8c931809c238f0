// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_metrics.h"

#include <charconv>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "exporters/otlp/encode_attributes.h"
#include "exporters/otlp/encode_spans.h"
#include "exporters/otlp/metric_names.h"

namespace tacit::exporters {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Field numbers: proto/metrics.proto, named as there. ResourceMetrics, ScopeMetrics and the
// request have the numbers of their counterparts for spans.
constexpr uint32_t kResourceMetrics = 1, kResource = 1, kScopeMetrics = 2, kScope = 1, kMetrics = 2;
constexpr uint32_t kSchemaUrlField = 3, kResourceAttributes = 1;
constexpr uint32_t kName = 1, kDescription = 2, kUnit = 3;
constexpr uint32_t kGauge = 5, kSum = 7, kHistogram = 9, kSummary = 11;
constexpr uint32_t kDataPoints = 1, kTemporality = 2, kIsMonotonic = 3;
constexpr uint64_t kCumulative = 2;
constexpr uint32_t kStartTime = 2, kTime = 3;  // of every kind of point
constexpr uint32_t kAsDouble = 4, kNumberAttributes = 7;
constexpr uint32_t kCount = 4, kPointSum = 5, kBucketCounts = 6, kExplicitBounds = 7;
constexpr uint32_t kHistogramAttributes = 9;
constexpr uint32_t kQuantileValues = 6, kSummaryAttributes = 7, kQuantile = 1, kQuantileValue = 2;

struct Times {
  uint64_t start_unix_ns;
  uint64_t now_unix_ns;
};

struct Series {
  const MetricFamily* family;
  const ClientMetric* metric;
};

struct Target {
  const ClientMetric* info = nullptr;  // its target_info
  std::vector<Series> series;          // in the families' order
};

using TargetKey = std::pair<std::string_view, std::string_view>;  // job, instance

std::string_view label(const ClientMetric& metric, std::string_view name) {
  for (const auto& label : metric.label) {
    if (label.name == name) return label.value;
  }
  return {};
}

std::map<TargetKey, Target> group_by_target(const std::vector<MetricFamily>& families) {
  std::map<TargetKey, Target> targets;
  for (const MetricFamily& family : families) {
    for (const ClientMetric& metric : family.metric) {
      Target& target = targets[{label(metric, "job"), label(metric, "instance")}];
      if (family.name == "target_info") {
        target.info = &metric;
      } else {
        target.series.push_back({&family, &metric});
      }
    }
  }
  return targets;
}

void write_label(ProtoWriter& writer, uint32_t field, const ClientMetric::Label& label) {
  const OtelAttribute attribute = otel_attribute(label.name);
  int64_t number = 0;
  const char* const end = label.value.data() + label.value.size();
  if (attribute.type == AttributeType::kInteger && !label.value.empty() &&
      std::from_chars(label.value.data(), end, number).ptr == end) {
    write_integer_attribute(writer, field, attribute.name, number);
  } else if (attribute.type == AttributeType::kBoolean &&
             (label.value == "true" || label.value == "false")) {
    write_attribute(writer, field, {std::string(attribute.name), label.value == "true"});
  } else {
    write_text_attribute(writer, field, attribute.name, label.value);
  }
}

void write_labels(ProtoWriter& writer, uint32_t field, const ClientMetric& metric) {
  for (const auto& label : metric.label) {
    if (label.name != "job" && label.name != "instance") write_label(writer, field, label);
  }
}

// OpenTelemetry's rule for Prometheus: job is service.name, with service.namespace and a slash
// before it where there is one; instance is service.instance.id.
void write_resource(ProtoWriter& writer, const TargetKey& key, const Target& target) {
  const size_t resource = writer.begin(kResource);
  std::string_view job = key.first.empty() ? "tacit" : key.first;
  const std::string_view space =
      target.info ? label(*target.info, "service_namespace") : std::string_view();
  if (!space.empty() && job.size() > space.size() && job.starts_with(space) &&
      job[space.size()] == '/') {
    job.remove_prefix(space.size() + 1);
  }
  write_text_attribute(writer, kResourceAttributes, "service.name", job);
  if (!key.second.empty()) {
    write_text_attribute(writer, kResourceAttributes, "service.instance.id", key.second);
  }
  if (target.info != nullptr) {
    for (const auto& label : target.info->label) {
      const std::string_view name = otel_attribute(label.name).name;
      if (name == "job" || name == "instance" || name == "service.name" ||
          name == "service.instance.id") {
        continue;
      }
      write_label(writer, kResourceAttributes, label);
    }
  }
  writer.end(resource);
}

void write_times(ProtoWriter& writer, const Times& times, const ClientMetric& metric,
                 bool cumulative) {
  if (cumulative) writer.fixed64(kStartTime, times.start_unix_ns);
  const bool stamped = metric.timestamp_ms > 0;
  writer.fixed64(
      kTime, stamped ? static_cast<uint64_t>(metric.timestamp_ms) * 1'000'000 : times.now_unix_ns);
}

void write_number(ProtoWriter& writer, const Times& times, const ClientMetric& metric, double value,
                  bool cumulative) {
  const size_t point = writer.begin(kDataPoints);
  write_times(writer, times, metric, cumulative);
  writer.number(kAsDouble, value);
  write_labels(writer, kNumberAttributes, metric);
  writer.end(point);
}

void write_histogram(ProtoWriter& writer, const Times& times, const ClientMetric& metric) {
  const auto& histogram = metric.histogram;
  const size_t point = writer.begin(kDataPoints);
  write_times(writer, times, metric, true);
  writer.fixed64(kCount, histogram.sample_count);
  writer.number(kPointSum, histogram.sample_sum);
  const size_t counts = writer.begin(kBucketCounts);
  uint64_t below = 0;
  for (const auto& bucket : histogram.bucket) {
    if (std::isinf(bucket.upper_bound)) continue;  // the last count has what is above all bounds
    writer.raw_fixed(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
  }
  writer.raw_fixed(histogram.sample_count - below);
  writer.end(counts);
  const size_t bounds = writer.begin(kExplicitBounds);
  for (const auto& bucket : histogram.bucket) {
    if (!std::isinf(bucket.upper_bound)) writer.raw_number(bucket.upper_bound);
  }
  writer.end(bounds);
  write_labels(writer, kHistogramAttributes, metric);
  writer.end(point);
}

void write_summary(ProtoWriter& writer, const Times& times, const ClientMetric& metric) {
  const size_t point = writer.begin(kDataPoints);
  write_times(writer, times, metric, true);
  writer.fixed64(kCount, metric.summary.sample_count);
  writer.number(kPointSum, metric.summary.sample_sum);
  for (const auto& quantile : metric.summary.quantile) {
    const size_t value = writer.begin(kQuantileValues);
    writer.number(kQuantile, quantile.quantile);
    writer.number(kQuantileValue, quantile.value);
    writer.end(value);
  }
  write_labels(writer, kSummaryAttributes, metric);
  writer.end(point);
}

// How a family's series appear in OTLP.
struct Shape {
  uint32_t field = kGauge;
  bool monotonic = false;
};

Shape shape_of(const MetricFamily& family, const OtelMetric& otel) {
  switch (family.type) {
    case MetricType::Counter:
      return {kSum, true};
    case MetricType::Histogram:
      return {kHistogram, false};
    case MetricType::Summary:
      return {kSummary, false};
    case MetricType::Gauge:
      return {otel.up_down ? kSum : kGauge, false};
    case MetricType::Untyped:
      break;
  }
  return {kGauge, false};
}

void write_point(ProtoWriter& writer, const Times& times, const Series& series,
                 const Shape& shape) {
  const ClientMetric& metric = *series.metric;
  switch (series.family->type) {
    case MetricType::Counter:
      return write_number(writer, times, metric, metric.counter.value, true);
    case MetricType::Histogram:
      return write_histogram(writer, times, metric);
    case MetricType::Summary:
      return write_summary(writer, times, metric);
    case MetricType::Gauge:
      return write_number(writer, times, metric, metric.gauge.value, shape.field == kSum);
    case MetricType::Untyped:
      break;
  }
  write_number(writer, times, metric, metric.untyped.value, false);
}

// Writes series of one family until they end or the request is full; returns how many.
size_t write_metric(ProtoWriter& writer, const Times& times, const Series* first,
                    const Series* last) {
  const MetricFamily& family = *first->family;
  const OtelMetric otel = otel_metric(family.name, family.type);
  const Shape shape = shape_of(family, otel);
  const size_t metric = writer.begin(kMetrics);
  writer.string(kName, otel.name);
  if (!family.help.empty()) writer.string(kDescription, family.help);
  if (!otel.unit.empty()) writer.string(kUnit, otel.unit);
  const size_t data = writer.begin(shape.field);
  const Series* next = first;
  while (next != last && next->family == &family &&
         (next == first || writer.size() < kRequestBytes)) {
    write_point(writer, times, *next++, shape);
  }
  if (shape.field == kSum || shape.field == kHistogram) {
    writer.varint(kTemporality, kCumulative);
  }
  if (shape.monotonic) writer.varint(kIsMonotonic, 1);
  writer.end(data);
  writer.end(metric);
  return static_cast<size_t>(next - first);
}

size_t write_target(ProtoWriter& writer, const Times& times, const TargetKey& key,
                    const Target& target, size_t first) {
  const size_t group = writer.begin(kResourceMetrics);
  write_resource(writer, key, target);
  const size_t scope = writer.begin(kScopeMetrics);
  write_scope(writer, kScope);
  const Series* const begin = target.series.data() + first;
  const Series* const end = target.series.data() + target.series.size();
  const Series* next = begin;
  while (next != end && (next == begin || writer.size() < kRequestBytes)) {
    next += write_metric(writer, times, next, end);
  }
  writer.string(kSchemaUrlField, kSchemaUrl);
  writer.end(scope);
  writer.string(kSchemaUrlField, kSchemaUrl);
  writer.end(group);
  return static_cast<size_t>(next - begin);
}

}  // namespace

std::vector<Payload> encode_metrics(const std::vector<MetricFamily>& families,
                                    uint64_t start_unix_ns, uint64_t now_unix_ns) {
  const Times times{start_unix_ns, now_unix_ns};
  std::vector<Payload> payloads;
  for (const auto& [key, target] : group_by_target(families)) {
    for (size_t done = 0; done < target.series.size();) {
      if (payloads.empty() || payloads.back().body.size() >= kRequestBytes) payloads.emplace_back();
      ProtoWriter writer(payloads.back().body);
      const size_t written = write_target(writer, times, key, target, done);
      payloads.back().items += written;
      done += written;
    }
  }
  return payloads;
}

}  // namespace tacit::exporters
