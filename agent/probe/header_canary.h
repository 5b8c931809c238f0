// SPDX-License-Identifier: Apache-2.0
// Can this kernel put a header into requests without harm? Tried on loopback connections of the
// agent's own, before any other process is touched. Stateless; any thread.
//
// What it looks for is known to be wrong on some kernels: 6.12 and 6.18 (and what was backported
// from there) answer FIONREAD with 0 on a socket that is in a SOCKHASH, although data is queued;
// nginx, Java and .NET stall on that.
#pragma once
#include <cstdint>
#include <string>

namespace tacit::probe {

enum class HeaderReach : uint8_t {
  kNone,          // nothing may be put in
  kFirstRequest,  // of each connection: sockets may be watched until their first answer comes
  kEveryRequest,
};

struct CanaryVerdict {
  HeaderReach reach = HeaderReach::kNone;
  std::string flaw;  // what misbehaves, half a sentence; empty: nothing
};

// Takes some milliseconds, on a kernel that stalls up to a few seconds.
CanaryVerdict try_header_canary();

}  // namespace tacit::probe
