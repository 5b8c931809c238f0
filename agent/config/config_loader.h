// SPDX-License-Identifier: Apache-2.0
// Puts the configuration together: flags over OTEL_ variables over TACIT_ variables over one YAML
// file over defaults. A list given at a higher place replaces the one below; resource attributes
// add up. An empty variable counts as unset (OpenTelemetry specification, "Environment Variable
// Specification"). Called once, at start; keeps nothing.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/config/config_keys.h"

namespace tacit::config {

// What is on when nothing says where telemetry should go.
enum class Purpose {
  kExec,   // console on standard error
  kRun,    // Prometheus on loopback
  kOther,  // nothing
};

// A key set by a flag; `label` is how the user wrote it ("--http-query").
struct FlagSetting {
  const Key* key = nullptr;
  Value value;
  std::string label;
};

struct Sources {
  std::vector<FlagSetting> flags;         // applied in this order
  const char* const* environ = nullptr;   // NAME=value …, null-terminated; null: none
  std::string file;                       // path of the YAML file; empty: TACIT_CONFIG, or none
  Purpose purpose = Purpose::kOther;
  bool terminal = false;                  // standard error is one: `on` means text
};

struct Loaded {
  Config config;
  std::vector<std::string> warnings;  // for the log at level warn
  std::vector<std::string> notes;     // for the log at level debug
};

Result<Loaded> load(const Sources& sources);

// Text → Value by the key's kind, as variables and flags write it.
Result<Value> parse_value(const Key& key, const std::string& text);

}  // namespace tacit::config
