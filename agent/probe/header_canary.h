// SPDX-License-Identifier: Apache-2.0
// Can this kernel put a header into requests without harm? Tried on loopback connections of the
// agent's own, before any other process is touched. Stateless; any thread.
//
// Known to be wrong on sockets that are in a SOCKHASH: 6.12 and 6.18 (and what was backported from
// there) answer FIONREAD with 0 although data is queued; nginx, Java and .NET stall on that. And on
// every kernel (6.1, too) a thread that waits in a blocking receive is told of a reset with EAGAIN;
// the programs avoid that by themselves.
#pragma once
#include <cstdint>
#include <string>

namespace tacit::probe {

enum class HeaderReach : uint8_t {
  kNone,          // nothing may be put in
  kFirstRequest,  // of each connection: sockets may be watched until their first answer comes
  kEveryRequest,  // on non-blocking sockets; else the first
};

struct CanaryVerdict {
  HeaderReach reach = HeaderReach::kNone;
  std::string flaw;  // what misbehaves, half a sentence; empty: nothing
};

// Takes some milliseconds, on a kernel that stalls up to a few seconds.
CanaryVerdict try_header_canary();

}  // namespace tacit::probe
