// SPDX-License-Identifier: Apache-2.0
#include "tests/fake_nvml/profile.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace fake_nvml {

using namespace tacit::gpu::nvml;

namespace {

const std::map<std::string, Return> kAnswers = {
    {"uninitialized", kUninitialized}, {"not_supported", kNotSupported},
    {"no_permission", kNoPermission},  {"not_found", kNotFound},
    {"not_loaded", kDriverNotLoaded},  {"lost", kGpuIsLost},
    {"mismatch", kVersionMismatch},    {"unknown", kUnknown}};

// Keys of which a device has any number of lines.
const std::set<std::string> kRows = {"process", "graphics_process", "sample", "event"};
// Keys of two words.
const std::set<std::string> kPairs = {"field", "gpm", "delay"};

bool is_device(const std::string& word) {
  return word.find_first_not_of("0123456789/*") == std::string::npos;
}

}  // namespace

bool Profile::refresh(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return false;
  const long long changed_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  if (path == path_ && changed_ns == changed_ns_ && info.st_size == size_) return false;
  const bool other = path != path_;
  path_ = path;
  changed_ns_ = changed_ns;
  size_ = info.st_size;
  values_.clear();
  rows_.clear();
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string device;
    std::string key;
    if (!(words >> device) || device[0] == '#') continue;
    if (is_device(device)) {
      words >> key;
    } else {
      key = device;
      device.clear();
    }
    if (kRows.contains(key)) {
      std::vector<double> row;
      for (double value = 0; words >> value;) row.push_back(value);
      rows_[device][key].push_back(std::move(row));
      continue;
    }
    std::string second;
    std::string rest;
    // "gpm" alone says whether a device has it.
    if (kPairs.contains(key) && !(key == "gpm" && !device.empty()) && words >> second)
      key += " " + second;
    std::getline(words >> std::ws, rest);
    values_[device][key] = rest;
  }
  return other;
}

const std::string* Profile::find(const std::string& device, const std::string& key) const {
  const std::string all = device.find('/') != std::string::npos ? "*/*" : "*";
  for (const std::string& name : {device, device.empty() ? device : all}) {
    const auto of = values_.find(name);
    if (of == values_.end()) continue;
    const auto value = of->second.find(key);
    if (value != of->second.end()) return &value->second;
  }
  return nullptr;
}

std::string Profile::text(const std::string& device, const std::string& key) const {
  const std::string* value = find(device, key);
  return value != nullptr ? *value : "";
}

double Profile::number(const std::string& device, const std::string& key, double otherwise) const {
  const std::string* value = find(device, key);
  return value != nullptr ? std::strtod(value->c_str(), nullptr) : otherwise;
}

Return Profile::result(const std::string& device, const std::string& key, Return otherwise) const {
  const std::string* value = find(device, key);
  if (value == nullptr) return otherwise;
  const auto answer = kAnswers.find(*value);
  return answer != kAnswers.end() ? answer->second : kSuccess;
}

std::vector<std::vector<double>> Profile::rows(const std::string& device,
                                               const std::string& key) const {
  std::vector<std::vector<double>> all;
  for (const std::string& name : {device, device.empty() ? device : std::string("*")}) {
    const auto of = rows_.find(name);
    if (of == rows_.end()) continue;
    const auto rows = of->second.find(key);
    if (rows != of->second.end()) all.insert(all.end(), rows->second.begin(), rows->second.end());
    if (device.empty()) break;
  }
  return all;
}

}  // namespace fake_nvml
