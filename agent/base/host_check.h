// SPDX-License-Identifier: Apache-2.0
// One thing that this host allows or does not, for `tacit doctor`. Filled by the room that knows
// (kernel features by the probe room, destinations by the exporters), printed by the command room.
#pragma once
#include <string>

namespace tacit {

struct HostCheck {
  std::string name;       // "BTF": at most 20 bytes
  bool ok = false;
  bool required = false;  // without it the main job cannot run
  std::string detail;     // what was found; of outside text only what was escaped
  std::string cost;       // not ok: which features that costs
  std::string fix;        // not ok: what to do
};

}  // namespace tacit
