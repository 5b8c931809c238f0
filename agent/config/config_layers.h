// SPDX-License-Identifier: Apache-2.0
// The places a configuration comes from, one function each; load() calls them from the lowest up.
// Inside the config room only.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/hash.h"
#include "agent/base/result.h"
#include "agent/config/config_draft.h"
#include "agent/config/config_keys.h"
#include "agent/config/yaml_tree.h"

namespace tacit::config {

// The variables that are set and not empty.
using Environment = StringMap<std::string>;
Environment read_environment(const char* const* environ);

// Sets `key` and on failure says where the value stood, what it was and what is allowed.
Result<void> apply(const Key& key, const Value& value, std::string_view label, Draft& draft);

// " is \"…\"" as a message may show what was written: escaped, cut, and never a secret.
std::string shown(const Key& key, std::string_view text);

Result<void> apply_yaml(const YamlNode& root, std::string_view name, Draft& draft);
Result<std::vector<Selector>> read_selectors(const YamlNode& node, std::string_view name);

Result<void> apply_tacit_variables(const Environment& environment, Draft& draft,
                                   std::vector<std::string>& warnings);
Result<void> apply_otel_variables(const Environment& environment, Draft& draft,
                                  std::vector<std::string>& notes);

}  // namespace tacit::config
