// SPDX-License-Identifier: Apache-2.0
// The fake libnvidia-ml.so.1 (tests/fake_nvml) under a test: its profile and the calls it got.
// The test program is linked to it, so that loading the library by its soname finds it.
#pragma once
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/gpu/device/device_figures.h"

namespace tacit::gpu {

class FakeDevice {
 public:
  // Plays a profile of tests/fake_nvml/profiles ("h100"), or with an empty name only `more`: lines
  // in the same language, where a later one overrules.
  explicit FakeDevice(const std::string& profile, const std::string& more = {});
  ~FakeDevice();

  void add(const std::string& lines);

  // The calls so far, as "nvmlDeviceGetPowerUsage 0".
  std::vector<std::string> calls() const;
  // How many begin with this.
  size_t count(const std::string& call) const;

 private:
  std::filesystem::path folder_;
};

constexpr uint64_t kSecond = 1'000'000'000;

// Of a list of pairs: the value of this name; the test fails where there is none.
template <typename Pairs>
auto value_of(const Pairs& pairs, std::string_view name) -> decltype(pairs.begin()->second) {
  for (const auto& [key, value] : pairs)
    if (key == name) return value;
  throw std::runtime_error("nothing is called " + std::string(name));
}

}  // namespace tacit::gpu
