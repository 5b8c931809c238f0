// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/gpu/device/fake_device.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>

namespace tacit::gpu {

namespace fs = std::filesystem;

FakeDevice::FakeDevice(const std::string& profile, const std::string& more) {
  std::string pattern = (fs::temp_directory_path() / "fake-nvml-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = pattern;
  if (!profile.empty())
    fs::copy_file(fs::path(FAKE_NVML_PROFILES) / (profile + ".profile"), folder_ / "profile");
  add("gpm_strict 0\n" + more);  // the tests' clock runs ahead of the real one
  ::setenv("FAKE_NVML_PROFILE", (folder_ / "profile").c_str(), 1);
  ::setenv("FAKE_NVML_CALLS", (folder_ / "calls").c_str(), 1);
}

FakeDevice::~FakeDevice() {
  ::unsetenv("FAKE_NVML_CALLS");
  ::unsetenv("FAKE_NVML_PROFILE");
  fs::remove_all(folder_);
}

void FakeDevice::add(const std::string& lines) {
  std::ofstream(folder_ / "profile", std::ios::app) << lines << "\n";
}

std::vector<std::string> FakeDevice::calls() const {
  std::vector<std::string> all;
  std::ifstream in(folder_ / "calls");
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

size_t FakeDevice::count(const std::string& call) const {
  const auto all = calls();
  return static_cast<size_t>(std::count_if(
      all.begin(), all.end(), [&](const std::string& line) { return line.starts_with(call); }));
}

}  // namespace tacit::gpu
