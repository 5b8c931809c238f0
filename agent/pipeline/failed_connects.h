// SPDX-License-Identifier: Apache-2.0
// Connects that failed, held for a moment: a client that tries localhost by IPv6 and then succeeds
// by IPv4 made one call, not a failed one and a good one. Loop thread.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/connection/connection.h"
#include "agent/event/event.h"
#include "agent/trace/place.h"

namespace tacit::pipeline {

struct FailedConnect {
  connection::Endpoints endpoints;
  connection::Actor actor;
  int error_number = 0;  // 0: given up by the process itself
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  trace::PlacePtr place;  // null: not exported, or its process is not known
};

class FailedConnects {
 public:
  // `report` gets every failure that was one.
  explicit FailedConnects(std::function<void(const FailedConnect&)> report);

  // Failures that are nobody's concern: every glibc program asks the name service cache first, and
  // almost no host runs one.
  static bool ignores(const FailedConnect& failed);
  void add(FailedConnect failed);
  // A client connection began to be used: failures of the same process at other addresses of the
  // same port, just before, were attempts of the same call. Returns how many; they are not
  // reported.
  uint32_t absorb(const connection::Endpoints& endpoints, uint32_t pid, uint64_t now_ns);
  // Reports what has waited long enough; all of it where `now_ns` is UINT64_MAX.
  void flush(uint64_t now_ns);
  bool empty() const { return held_.empty(); }

 private:
  std::function<void(const FailedConnect&)> report_;
  std::vector<FailedConnect> held_;  // oldest first
};

}  // namespace tacit::pipeline
