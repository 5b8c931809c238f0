// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/sdk_presence.h"

namespace tacit::trace {
namespace {

using Verdict = SdkState::Verdict;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace

std::shared_ptr<SdkState> SdkPresence::of(uint32_t pid) {
  auto& state = states_[pid];
  if (!state) state = std::make_shared<SdkState>();
  return state;
}

void SdkPresence::suspect(uint32_t pid, uint64_t now_ns) {
  SdkState& state = *of(pid);
  if (state.verdict != Verdict::kUnknown) return;
  state.verdict = Verdict::kSuspected;
  state.suspected_ns = now_ns;
}

void SdkPresence::exited(uint32_t pid) {
  const auto found = states_.find(pid);
  if (found == states_.end()) return;
  if (found->second->verdict != Verdict::kPresent) found->second->verdict = Verdict::kAbsent;
  states_.erase(found);  // its places keep theirs
}

bool SdkPresence::in_doubt(SdkState& state, uint64_t now_ns) {
  if (state.verdict != Verdict::kSuspected) return false;
  if (now_ns < state.suspected_ns + kDoubtNs) return true;
  state.verdict = Verdict::kAbsent;
  return false;
}

bool SdkPresence::is_span_export(std::string_view method, std::string_view target) {
  return method == "POST" && path_of(target).ends_with("/v1/traces");
}

bool SdkPresence::is_export(std::string_view method, std::string_view target) {
  const auto path = path_of(target);
  return is_span_export(method, target) ||
         (method == "POST" && (path.ends_with("/v1/metrics") || path.ends_with("/v1/logs")));
}

}  // namespace tacit::trace
