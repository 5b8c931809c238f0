// SPDX-License-Identifier: Apache-2.0
// What the fake library answers; README.md has the language.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "agent/gpu/device/nvml_abi.h"

namespace fake_nvml {

class Profile {
 public:
  // Reads the file if it changed; true: it is another one than before.
  bool refresh(const std::string& path);

  // `device`: "0", an instance "0/1", or empty: of the library itself. A device without the key has
  // that of "*", an instance that of "*/*".
  std::string text(const std::string& device, const std::string& key) const;
  double number(const std::string& device, const std::string& key, double otherwise) const;
  // What is not in the profile is not supported, unless told otherwise.
  tacit::gpu::nvml::Return result(
      const std::string& device, const std::string& key,
      tacit::gpu::nvml::Return otherwise = tacit::gpu::nvml::kNotSupported) const;
  // All lines of a key that may stand more than once.
  std::vector<std::vector<double>> rows(const std::string& device, const std::string& key) const;

 private:
  const std::string* find(const std::string& device, const std::string& key) const;

  std::string path_;
  long long changed_ns_ = -1;
  long long size_ = -1;
  std::map<std::string, std::map<std::string, std::string>> values_;  // by device, key
  std::map<std::string, std::map<std::string, std::vector<std::vector<double>>>> rows_;
};

}  // namespace fake_nvml
