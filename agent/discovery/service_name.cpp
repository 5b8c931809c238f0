// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/service_name.h"

#include <charconv>

#include "agent/config/attribute_list.h"
#include "agent/discovery/clean_text.h"

namespace tacit::discovery {
namespace {

std::string from_environment(const EnvironmentSubset* environment) {
  if (environment == nullptr) return {};
  if (!environment->service_name.empty()) return environment->service_name;
  const auto pairs = config::parse_pairs(environment->resource_attributes);
  if (!pairs) return {};
  const auto found = pairs->find("service.name");
  return found == pairs->end() ? std::string{} : found->second;
}

}  // namespace

std::string unit_name(std::string_view unit) {
  static constexpr std::string_view kSuffix = ".service";
  if (unit.ends_with(kSuffix)) unit.remove_suffix(kSuffix.size());
  std::string out;
  for (size_t i = 0; i < unit.size(); ++i) {
    unsigned value = 0;
    if (unit.substr(i, 2) == "\\x" && i + 3 < unit.size() &&
        std::from_chars(&unit[i + 2], &unit[i + 2] + 2, value, 16).ptr == &unit[i + 2] + 2) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += unit[i];
    }
  }
  return out;
}

std::string choose_service_name(const NameCandidates& c) {
  if (!c.configured.empty()) return clean_text(c.configured);
  if (!c.selector.empty()) return clean_text(c.selector);
  if (auto own = from_environment(c.environment); !own.empty()) return clean_text(own);
  if (!c.container.empty()) return clean_text(c.container);
  if (!c.unit.empty()) return clean_text(unit_name(c.unit));
  return clean_text(c.program);
}

}  // namespace tacit::discovery
