// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/gpu_failures.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "agent/gpu/calls_names.h"
#include "agent/telemetry/attribute_number.h"

namespace tacit::pipeline {
namespace {

telemetry::SpanEvent event_of(const gpu::CudaFailure& failure, int64_t wall_offset_ns) {
  telemetry::SpanEvent event;
  event.name = "gpu.failure";
  event.time_unix_ns =
      static_cast<uint64_t>(static_cast<int64_t>(failure.time_ns) + wall_offset_ns);
  event.attributes.push_back({"tacit.gpu.call", std::string(gpu::call_name(failure.call))});
  event.attributes.push_back({"error.type", gpu::error_name(failure.call, failure.code)});
  if (failure.bytes != 0)
    event.attributes.push_back(
        {"tacit.gpu.requested_bytes", telemetry::attribute_number(failure.bytes)});
  return event;
}

std::string sentence(const gpu::CudaFailure& failure) {
  std::string out = std::string(gpu::call_name(failure.call)) + ": " +
                    gpu::error_name(failure.call, failure.code);
  if (failure.bytes != 0) out += " (" + std::to_string(failure.bytes) + " bytes)";
  return out;
}

// What failed longer before the end than this is no reason for it.
constexpr uint64_t kRightBeforeNs = 5'000'000'000;

// Programs ask whether there is a device, and go on without.
bool tells_only_that_there_is_none(const gpu::CudaFailure& failure) {
  constexpr int32_t kInsufficientDriver = 35, kNoDevice = 100;  // cudaError_t, CUresult
  return failure.code == kInsufficientDriver || failure.code == kNoDevice;
}

bool has(const telemetry::Span& span, std::string_view key) {
  return std::any_of(span.attributes.begin(), span.attributes.end(),
                     [key](const auto& each) { return each.key == key; });
}

void blame(telemetry::Span& span, const gpu::CudaFailure& failure) {
  const bool told = span.status == telemetry::StatusCode::kError && !span.status_message.empty();
  if (told && has(span, "file.path")) return;  // a missing file is the reason
  span.status = telemetry::StatusCode::kError;
  span.status_message = sentence(failure);
  if (!has(span, "error.type"))
    span.attributes.push_back({"error.type", gpu::error_name(failure.call, failure.code)});
}

}  // namespace

void GpuFailures::add(const gpu::CudaFailure& failure, const trace::PlacePtr& request) {
  if (tells_only_that_there_is_none(failure)) return;
  if (by_process_.size() >= kMaxProcesses && !by_process_.contains(failure.pid)) return;
  auto& failures = by_process_[failure.pid];
  if (failures.size() >= kMaxFailures) failures.pop_front();
  failures.push_back({failure, request});
}

void GpuFailures::describe(telemetry::Span& span, uint32_t pid, uint64_t begin_ns, uint64_t end_ns,
                           bool failed, int64_t wall_offset_ns) const {
  const auto found = by_process_.find(pid);
  if (found == by_process_.end()) return;
  const gpu::CudaFailure* newest = nullptr;
  for (const auto& [call, request] : found->second) {
    if (call.time_ns < begin_ns || call.time_ns > end_ns) continue;
    span.events.push_back(event_of(call, wall_offset_ns));
    if (call.time_ns + kRightBeforeNs >= end_ns) newest = &call;
  }
  if (failed && newest != nullptr) blame(span, *newest);
}

void GpuFailures::describe_request(telemetry::Span& span, const trace::Place& request,
                                   int64_t wall_offset_ns) const {
  const auto found = by_process_.find(request.actor.pid);
  if (found == by_process_.end()) return;
  for (const auto& [call, of] : found->second)
    if (of.lock().get() == &request) span.events.push_back(event_of(call, wall_offset_ns));
}

}  // namespace tacit::pipeline
