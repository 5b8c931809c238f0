// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/field_reader.h"

#include <optional>
#include <string_view>
#include <utility>

namespace tacit::gpu {
namespace {

constexpr double kNano = 1e-9;

struct FieldRow {
  nvml::Field field;
  unsigned scope;
  std::string_view name;
};
constexpr FieldRow kThrottles[] = {
    {nvml::kFieldThrottlePower, 0, "power"},
    {nvml::kFieldThrottleThermal, 0, "thermal"},
    {nvml::kFieldThrottleSyncBoost, 0, "sync_boost"},
    {nvml::kFieldThrottleBoardLimit, 0, "board_limit"},
    {nvml::kFieldThrottleReliability, 0, "reliability"},
};
constexpr FieldRow kErrors[] = {
    {nvml::kFieldNvlinkCrcFlit, 0, "nvlink_crc_flit"},
    {nvml::kFieldNvlinkCrcData, 0, "nvlink_crc_data"},
    {nvml::kFieldNvlinkReplay, 0, "nvlink_replay"},
    {nvml::kFieldNvlinkRecovery, 0, "nvlink_recovery"},
};
constexpr FieldRow kOthers[] = {
    {nvml::kFieldMemoryTemperature, 0, ""},
    {nvml::kFieldNvlinkTransmitted, nvml::kAllLinks, ""},
    {nvml::kFieldNvlinkReceived, nvml::kAllLinks, ""},
};

std::vector<nvml::FieldValue> all_fields() {
  std::vector<nvml::FieldValue> fields;
  const auto add = [&](const auto& rows) {
    for (const FieldRow& row : rows) {
      nvml::FieldValue value{};
      value.field = row.field;
      value.scope = row.scope;
      fields.push_back(value);
    }
  };
  add(kThrottles);
  add(kErrors);
  add(kOthers);
  return fields;
}

std::optional<uint64_t> whole(const nvml::FieldValue& field) {
  switch (field.type) {
    case nvml::kUnsignedInt: return field.value.as_unsigned;
    case nvml::kUnsignedLong: return field.value.as_unsigned_long;
    case nvml::kUnsignedLongLong: return field.value.as_unsigned_long_long;
    case nvml::kUnsignedShort: return field.value.as_unsigned_short;
    case nvml::kSignedInt:
      if (field.value.as_int >= 0) return static_cast<uint64_t>(field.value.as_int);
      break;
    case nvml::kSignedLongLong:
      if (field.value.as_long_long >= 0) return static_cast<uint64_t>(field.value.as_long_long);
      break;
    case nvml::kDouble: break;
  }
  return std::nullopt;
}

void add_value(nvml::Field field, uint64_t value, DeviceFigures& out) {
  for (const FieldRow& row : kThrottles)
    if (row.field == field)
      out.throttle_seconds.emplace_back(row.name, static_cast<double>(value) * kNano);
  for (const FieldRow& row : kErrors)
    if (row.field == field) out.errors.emplace_back(row.name, value);
  // Zero degrees is what devices without the sensor answer.
  if (field == nvml::kFieldMemoryTemperature && value > 0)
    out.memory_temperature_celsius = static_cast<double>(value);
  if (field == nvml::kFieldNvlinkTransmitted) out.nvlink_transmitted_bytes = value << 10;
  if (field == nvml::kFieldNvlinkReceived) out.nvlink_received_bytes = value << 10;
}

}  // namespace

FieldReader::FieldReader(const NvmlLibrary& library, nvml::Device device)
    : library_(library), device_(device), asked_(all_fields()) {}

void FieldReader::forget() {
  asked_ = all_fields();
  refused_ = 0;
}

void FieldReader::read(FigureSupport& support, DeviceFigures& out) {
  if (asked_.empty() || !support.wanted(Figure::kFields)) return;
  std::vector<nvml::FieldValue> answers = asked_;
  const auto count = static_cast<int>(answers.size());
  if (!support.take(Figure::kFields, library_.field_values(device_, count, answers.data()))) return;
  for (const nvml::FieldValue& answer : answers) {
    const auto value = answer.result == nvml::kSuccess ? whole(answer) : std::nullopt;
    if (value) add_value(static_cast<nvml::Field>(answer.field), *value, out);
  }
  keep_answered(answers);
}

void FieldReader::keep_answered(const std::vector<nvml::FieldValue>& answers) {
  std::vector<nvml::FieldValue> still;
  for (size_t i = 0; i < answers.size(); ++i) {
    FigureSupport answer;  // of this one field
    answer.take(Figure::kFields, answers[i].result);
    if (answer.wanted(Figure::kFields))
      still.push_back(asked_[i]);
    else
      ++refused_;
  }
  asked_ = std::move(still);
}

}  // namespace tacit::gpu
