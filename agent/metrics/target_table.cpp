// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/target_table.h"

#include <map>
#include <type_traits>
#include <variant>

#include "agent/base/valid_text.h"

namespace tacit::metrics {
namespace {

constexpr size_t kMaxRemembered = 8192;

std::string value_text(const telemetry::AttributeValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return valid_utf8(v);
        } else if constexpr (std::is_same_v<T, bool>) {
          return v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          std::string joined;
          for (const std::string& one : v) joined += (joined.empty() ? "" : ",") + valid_utf8(one);
          return joined;
        } else {
          return std::to_string(v);
        }
      },
      value);
}

// job and instance already say these.
bool is_identity(std::string_view key) {
  return key == "service.name" || key == "service.namespace" || key == "service.instance.id";
}

prometheus::ClientMetric info_of(const telemetry::Resource& resource, const std::string& job,
                                 const std::string& instance) {
  std::map<std::string, std::string> labels;
  for (const telemetry::Attribute& attribute : resource.attributes) {
    if (is_identity(attribute.key)) continue;
    // Keys that become one name share it, as the compatibility document asks.
    std::string& value = labels[label_name(attribute.key)];
    if (!value.empty()) value += ';';
    value += value_text(attribute.value);
  }
  labels["job"] = job;
  labels["instance"] = instance;
  prometheus::ClientMetric metric;
  metric.gauge.value = 1;
  for (auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

}  // namespace

std::string job_label(const telemetry::Resource& resource) {
  if (resource.service_namespace.empty()) return valid_utf8(resource.service_name);
  return valid_utf8(resource.service_namespace + "/" + resource.service_name);
}

std::string label_name(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) {
      name += c;
    } else if (name.empty() || name.back() != '_') {
      name += '_';
    }
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, "key_");
  return name;
}

TargetTable::TargetTable(const telemetry::Resource& self, size_t limit) : limit_(limit) {
  insert(self);
}

uint32_t TargetTable::find(const telemetry::Resource& resource) {
  if (resource.id == last_id_ && last_target_ != kNone) return last_target_;
  const auto known = by_resource_.find(resource.id);
  if (known != by_resource_.end()) {
    last_target_ = known->second;
  } else {
    last_target_ = insert(resource);
    if (by_resource_.size() >= kMaxRemembered) by_resource_.clear();
    by_resource_.emplace(resource.id, last_target_);
  }
  last_id_ = resource.id;
  return last_target_;
}

uint32_t TargetTable::insert(const telemetry::Resource& resource) {
  std::string job = job_label(resource);
  std::string instance = valid_utf8(resource.instance);
  std::string name = job;
  name += '\0';
  name += instance;
  if (const auto known = by_name_.find(name); known != by_name_.end()) return known->second;
  if (targets_.size() >= limit_) return kNone;
  prometheus::ClientMetric info = info_of(resource, job, instance);
  const auto target = static_cast<uint32_t>(targets_.size());
  by_name_.emplace(std::move(name), target);
  const std::lock_guard lock(mutex_);
  targets_.push_back({std::move(job), std::move(instance), std::move(info)});
  return target;
}

prometheus::MetricFamily TargetTable::collect() const {
  prometheus::MetricFamily family;
  family.name = "target_info";
  family.help = "Resource attributes of a job's instance";
  family.type = prometheus::MetricType::Gauge;
  const std::lock_guard lock(mutex_);
  family.metric.reserve(targets_.size());
  for (const Target& target : targets_) family.metric.push_back(target.info);
  return family;
}

}  // namespace tacit::metrics
