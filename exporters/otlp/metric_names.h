// SPDX-License-Identifier: Apache-2.0
// From Prometheus' names to OpenTelemetry's. The agent keeps its metrics in Prometheus' model,
// whose names are OpenTelemetry's with dots as underscores and the unit as a suffix; that cannot be
// undone by rule (http_response_status_code has one dot fewer than underscores), so known names are
// in a table. Pure.
#pragma once
#include <prometheus/metric_type.h>

#include <string>
#include <string_view>

namespace tacit::exporters {

struct OtelMetric {
  std::string name;
  std::string_view unit;  // UCUM, as the semantic conventions write it; empty: none known
  bool up_down = false;   // a gauge in Prometheus that OpenTelemetry calls an UpDownCounter
};

// Names that are not in the table keep their underscores and lose `_total` and a unit's suffix.
OtelMetric otel_metric(std::string_view prometheus_name, prometheus::MetricType type);

enum class AttributeType { kText, kInteger, kBoolean };

struct OtelAttribute {
  std::string_view name;
  AttributeType type = AttributeType::kText;
};

// A label of a series, or of target_info, as an attribute. Unknown ones keep their name.
OtelAttribute otel_attribute(std::string_view label);

}  // namespace tacit::exporters
