// SPDX-License-Identifier: Apache-2.0
// A YAML text as a small tree that remembers lines. Bounded on purpose: at most 1 MiB, 8 levels
// and 20,000 nodes; anchors, aliases and tags are refused, so no text grows when it is read.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace tacit::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  int line = 1;                    // counted from 1
  std::string text;                // kScalar: as written, quotes removed
  std::vector<YamlNode> items;     // kSequence
  std::vector<YamlEntry> entries;  // kMap, in the file's order, keys unique
};

struct YamlEntry {
  std::string key;
  int line = 1;
  YamlNode value;
};

inline constexpr size_t kMaxYamlBytes = 1 << 20;

// `name` is what error messages call the text ("tacit.yaml"). An empty text is a null node.
Result<YamlNode> parse_yaml(const std::string& text, std::string_view name);

}  // namespace tacit::config
