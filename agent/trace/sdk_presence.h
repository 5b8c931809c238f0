// SPDX-License-Identifier: Apache-2.0
// Which processes an OpenTelemetry SDK instruments from inside, told by what they send: an export
// of spans (OTLP). Such a process makes its own spans of what it serves and calls, so ours would be
// duplicates. An SDK exports seconds after its first spans, so a process that sends trace context
// of its own making is suspected, and its spans wait for kDoubtNs. Loop thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace tacit::trace {

// Shared by the places of one process.
struct SdkState {
  enum class Verdict : uint8_t { kUnknown, kSuspected, kPresent, kAbsent };
  Verdict verdict = Verdict::kUnknown;
  uint64_t suspected_ns = 0;  // since when
};

class SdkPresence {
 public:
  // Longer than the 5 s after which SDKs export at the latest (OTEL_BSP_SCHEDULE_DELAY's default).
  static constexpr uint64_t kDoubtNs = 10'000'000'000;

  std::shared_ptr<SdkState> of(uint32_t pid);
  void suspect(uint32_t pid, uint64_t now_ns);
  void exported(uint32_t pid) { of(pid)->verdict = SdkState::Verdict::kPresent; }
  // Nothing more will come of it: who has not exported by now has no SDK.
  void exited(uint32_t pid);

  // True: whether it is there is not known yet, and may be told soon.
  static bool in_doubt(SdkState& state, uint64_t now_ns);

  // A request that carries telemetry, by its target: OTLP over HTTP
  // (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request).
  static bool is_export(std::string_view method, std::string_view target);
  static bool is_span_export(std::string_view method, std::string_view target);
  // OTLP over gRPC, by its registered port.
  static constexpr uint16_t kOtlpGrpcPort = 4317;

 private:
  std::unordered_map<uint32_t, std::shared_ptr<SdkState>> states_;
};

}  // namespace tacit::trace
