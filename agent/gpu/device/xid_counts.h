// SPDX-License-Identifier: Apache-2.0
// XID events since the agent started: every one counts, repeats too.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/gpu/device/device_figures.h"

namespace tacit::gpu {

// One thread. Outlives sessions.
class XidCounts {
 public:
  // Codes of one device beyond this many share one count.
  static constexpr size_t kMaxCodes = 64;

  // From now on the device's events are seen: what has not happened is known to be none.
  void watch(const std::string& uuid) { by_device_.try_emplace(uuid); }
  void add(const std::string& uuid, uint64_t code) {
    Device& device = by_device_[uuid];
    device.last = code;
    if (device.counts.size() < kMaxCodes || device.counts.contains(code))
      ++device.counts[code];
    else
      ++device.other;
  }
  std::vector<std::pair<std::string, XidFigures>> read() const {
    std::vector<std::pair<std::string, XidFigures>> all;
    for (const auto& [uuid, device] : by_device_)
      all.emplace_back(
          uuid,
          XidFigures{{device.counts.begin(), device.counts.end()}, device.other, device.last});
    return all;
  }

 private:
  struct Device {
    std::map<uint64_t, uint64_t> counts;
    uint64_t other = 0;
    std::optional<uint64_t> last;
  };
  std::map<std::string, Device> by_device_;  // by UUID
};

}  // namespace tacit::gpu
