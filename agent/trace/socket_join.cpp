// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/socket_join.h"

#include <utility>

namespace tacit::trace {

void SocketJoin::sent(const RequestKey& key, PlacePtr call, uint64_t now_ns) {
  if (ages_.size() >= kMaxCalls) {
    calls_.erase(ages_.front().key);
    ages_.pop_front();
  }
  calls_.insert_or_assign(key, std::move(call));
  ages_.push_back({now_ns, key});
}

PlacePtr SocketJoin::take(const RequestKey& key) {
  const auto found = calls_.find(key);
  if (found == calls_.end()) return nullptr;
  PlacePtr call = std::move(found->second);
  calls_.erase(found);
  return call;
}

void SocketJoin::expire(uint64_t now_ns) {
  while (!ages_.empty() && ages_.front().time_ns + kKeptNs <= now_ns) {
    calls_.erase(ages_.front().key);
    ages_.pop_front();
  }
}

}  // namespace tacit::trace
