// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/container_names.h"

#include <nlohmann/json.hpp>

namespace tacit::discovery {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxKept = 4096;
constexpr uint32_t kInit = 1;

// {"Name": "/billing", …}
std::string docker_name(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  const auto found = json.find("Name");
  if (found == json.end() || !found->is_string()) return {};
  auto name = found->get<std::string>();
  return name.starts_with("/") ? name.substr(1) : name;
}

// [{"id": "…", "names": ["billing"], …}, …]
std::string podman_name(const std::string& text, const std::string& id) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return {};
  for (const auto& item : json) {
    if (!item.is_object() || !item.contains("id") || item["id"] != id) continue;
    const auto names = item.find("names");
    if (names != item.end() && names->is_array() && !names->empty() && (*names)[0].is_string())
      return (*names)[0].get<std::string>();
  }
  return {};
}

}  // namespace

const std::string& ContainerNames::find(const std::string& id) {
  if (const auto known = names_.find(id); known != names_.end()) return known->second;
  if (names_.size() >= kMaxKept) names_.clear();
  return names_[id] = look_up(id);
}

std::string ContainerNames::look_up(const std::string& id) const {
  if (const auto text = proc_.read_inside(
          kInit, "/var/lib/docker/containers/" + id + "/config.v2.json", kMaxFileBytes))
    return docker_name(*text);
  if (const auto text = proc_.read_inside(
          kInit, "/var/lib/containers/storage/overlay-containers/containers.json", kMaxFileBytes))
    return podman_name(*text, id);
  return {};
}

}  // namespace tacit::discovery
