// SPDX-License-Identifier: Apache-2.0
// The table of all keys. It drives the YAML file, the TACIT_ variables, the flags that set a key
// and the table in README.md (a unit test compares them). To add a key: one row in config_keys.cpp
// and `README.md`.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config_draft.h"

namespace tacit::config {

enum class ValueKind {
  kText,       // one scalar
  kList,       // a YAML list, or items with commas between
  kPairs,      // a YAML map, or key=value,key=value with values percent-encoded
  kSelectors,  // a YAML list of maps, or that as text
};

// A value as it was written; which member counts is the key's ValueKind.
struct Value {
  std::string text;  // of every kind, where it was written as one text: error messages show it
  std::vector<std::string> list;
  std::map<std::string, std::string> pairs;
  std::vector<Selector> selectors;
};

struct Key {
  std::string_view name;      // section.key, as in YAML
  std::string_view flag;      // empty: none
  std::string_view otel;      // OTEL_ variable, empty: OpenTelemetry defines none
  ValueKind kind;
  std::string_view fallback;  // the default, as documentation says it
  std::string_view meaning;   // one line of Markdown
  bool secret;                // never repeat the value in a message
  // The error says what would have been right; who calls says where the value stood.
  Result<void> (*set)(Draft&, const Value&);
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);

// "http.query" → "TACIT_HTTP_QUERY".
std::string variable_name(std::string_view key_name);

// The rows of README.md's table.
std::string keys_markdown();

// Setters of settings that OpenTelemetry also defines per signal; shared with the OTEL_ reader.
Result<void> set_otlp_field(OtlpDraft& draft, std::string_view field, const Value& value);

}  // namespace tacit::config
