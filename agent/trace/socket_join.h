// SPDX-License-Identifier: Apache-2.0
// Both ends of one connection: a request that left an observed process and one that arrived at
// another are the same where they begin at the same byte of the same connection. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "agent/trace/place.h"
#include "agent/trace/request_key.h"

namespace tacit::trace {

class SocketJoin {
 public:
  // A request was sent. Remembered until it is taken, for at most kKeptNs.
  void sent(const RequestKey& key, PlacePtr call, uint64_t now_ns);
  // The call that a served request is the other end of; null: not seen (yet).
  PlacePtr take(const RequestKey& key);
  void expire(uint64_t now_ns);
  size_t size() const { return calls_.size(); }

  // A request may wait in the listener's queue.
  static constexpr uint64_t kKeptNs = 30'000'000'000;
  static constexpr size_t kMaxCalls = 65536;

 private:
  struct Age {
    uint64_t time_ns;
    RequestKey key;
  };
  std::unordered_map<RequestKey, PlacePtr, RequestKeyHash> calls_;
  std::deque<Age> ages_;  // oldest first; may name calls that were taken
};

}  // namespace tacit::trace
