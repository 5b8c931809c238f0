// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/failed_connects.h"

#include <algorithm>
#include <utility>

namespace tacit::pipeline {
namespace {

// RFC 8305 section 5 recommends 250 ms between attempts; 2 s is its upper bound.
constexpr uint64_t kHeldNs = 300'000'000;
constexpr size_t kMaxHeld = 1024;

bool same_call(const FailedConnect& failed, const connection::Endpoints& good, uint32_t pid) {
  return failed.actor.pid == pid && failed.endpoints.family != connection::Family::kUnix &&
         good.family != connection::Family::kUnix &&
         failed.endpoints.remote.port == good.remote.port &&
         (failed.endpoints.family != good.family ||
          failed.endpoints.remote.bytes != good.remote.bytes);
}

}  // namespace

FailedConnects::FailedConnects(std::function<void(const FailedConnect&)> report)
    : report_(std::move(report)) {}

bool FailedConnects::ignores(const FailedConnect& failed) {
  return failed.endpoints.family == connection::Family::kUnix &&
         failed.endpoints.unix_path.ends_with("/nscd/socket");
}

void FailedConnects::add(FailedConnect failed) {
  if (held_.size() >= kMaxHeld || failed.endpoints.family == connection::Family::kUnix)
    return report_(failed);
  held_.push_back(std::move(failed));
}

uint32_t FailedConnects::absorb(const connection::Endpoints& endpoints, uint32_t pid,
                                uint64_t now_ns) {
  if (held_.empty()) return 0;
  flush(now_ns);
  return static_cast<uint32_t>(std::erase_if(
      held_, [&](const FailedConnect& failed) { return same_call(failed, endpoints, pid); }));
}

void FailedConnects::flush(uint64_t now_ns) {
  const auto young = std::find_if(held_.begin(), held_.end(), [&](const FailedConnect& failed) {
    return now_ns < failed.end_ns + kHeldNs;
  });
  for (auto failed = held_.begin(); failed != young; ++failed) report_(*failed);
  held_.erase(held_.begin(), young);
}

}  // namespace tacit::pipeline
