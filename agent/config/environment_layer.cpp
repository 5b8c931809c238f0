// SPDX-License-Identifier: Apache-2.0
// TACIT_ variables, and the OTEL_ variables of the OpenTelemetry specification ("Environment
// Variable Specification" and "OpenTelemetry Protocol Exporter").
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/base/log.h"
#include "agent/config/attribute_list.h"
#include "agent/config/config_layers.h"
#include "agent/config/config_loader.h"
#include "agent/config/nearest_name.h"
#include "agent/config/value_parsers.h"

namespace tacit::config {
namespace {

// OTEL_EXPORTER_OTLP_<SIGNAL>_<NAME> → the field of OtlpDraft.
struct OtlpVariable {
  std::string_view suffix;
  std::string_view field;
  std::string_view key;  // the table's row for the common setting
};
constexpr OtlpVariable kOtlpVariables[] = {
    {"PROTOCOL", "protocol", "otlp.protocol"},
    {"HEADERS", "headers", "otlp.headers"},
    {"TIMEOUT", "timeout", "otlp.timeout"},
    {"COMPRESSION", "compression", "otlp.compression"},
    {"INSECURE", "insecure", "otlp.insecure"},
    {"CERTIFICATE", "certificate", "otlp.certificate"},
    {"CLIENT_CERTIFICATE", "client_certificate", "otlp.client_certificate"},
    {"CLIENT_KEY", "client_key", "otlp.client_key"},
};

const std::string* find(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? nullptr : &found->second;
}

std::unexpected<Error> complain(const Key& key, std::string_view text, std::string_view label,
                                const Error& why) {
  return fail(fmt::format("{}{}: {}", label, shown(key, text), why.message));
}

Result<void> apply_text(const Key& key, const std::string& text, const std::string& label,
                        Draft& draft) {
  auto value = parse_value(key, text);
  if (!value) return complain(key, text, label, value.error());
  return apply(key, *value, label, draft);
}

Result<void> apply_signal(const Environment& environment, std::string_view signal,
                          OtlpDraft& draft) {
  for (const auto& variable : kOtlpVariables) {
    const auto name = fmt::format("OTEL_EXPORTER_OTLP_{}_{}", signal, variable.suffix);
    const auto* text = find(environment, name);
    if (text == nullptr) continue;
    const Key& key = *find_key(variable.key);
    auto value = parse_value(key, *text);
    if (!value) return complain(key, *text, name, value.error());
    if (auto set = set_otlp_field(draft, variable.field, *value); !set)
      return complain(key, *text, name, set.error());
  }
  return {};
}

// The items of a comma list, each one of `allowed`.
Result<std::vector<std::string>> exporter_list(const Environment& environment, const char* name,
                                               std::vector<std::string_view> allowed) {
  std::vector<std::string> out;
  const auto* text = find(environment, name);
  if (text == nullptr) return out;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const auto item = trim(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (item.empty()) continue;
    if (std::find(allowed.begin(), allowed.end(), item) == allowed.end())
      return fail(fmt::format("{} is \"{}\": allowed are {}", name, log::escape(*text),
                              spell_out(allowed)));
    out.emplace_back(item);
  }
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Result<void> apply_exporter_choice(const Environment& environment, Draft& draft) {
  auto traces = exporter_list(environment, "OTEL_TRACES_EXPORTER", {"otlp", "console", "none"});
  if (!traces) return std::unexpected(traces.error());
  if (!traces->empty()) {
    draft.otlp_traces.wanted = contains(*traces, "otlp");
    if (contains(*traces, "console") && draft.console.value_or(ConsoleFormat::kOff) ==
                                            ConsoleFormat::kOff) {
      draft.console.reset();
      draft.console_auto = true;
    }
    if (contains(*traces, "none")) {
      draft.console = ConsoleFormat::kOff;
      draft.console_auto = false;
    }
  }
  auto metrics =
      exporter_list(environment, "OTEL_METRICS_EXPORTER", {"otlp", "prometheus", "none"});
  if (!metrics) return std::unexpected(metrics.error());
  if (metrics->empty()) return {};
  draft.otlp_metrics.wanted = contains(*metrics, "otlp");
  if (contains(*metrics, "prometheus")) draft.prometheus = true;
  if (contains(*metrics, "none")) draft.prometheus = false;
  return {};
}

}  // namespace

Environment read_environment(const char* const* environ) {
  Environment out;
  for (; environ != nullptr && *environ != nullptr; ++environ) {
    const std::string_view entry = *environ;
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals + 1 == entry.size()) continue;
    if (entry.starts_with("OTEL_") || entry.starts_with("TACIT_"))
      out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

Result<void> apply_tacit_variables(const Environment& environment, Draft& draft,
                                   std::vector<std::string>& warnings) {
  std::vector<std::string> names = {"TACIT_CONFIG"};
  for (const auto& key : keys()) {
    names.push_back(variable_name(key.name));
    const auto* text = find(environment, names.back());
    if (text == nullptr) continue;
    if (auto done = apply_text(key, *text, names.back(), draft); !done) return done;
  }
  std::vector<std::string_view> known(names.begin(), names.end());
  for (const auto& [name, text] : environment) {
    if (!name.starts_with("TACIT_")) continue;
    if (name.starts_with("TACIT_CUPTI_")) continue;  // for the library in CUDA programs (cupti/)
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    warnings.push_back(fmt::format("the variable {} is no setting{}", log::escape(name),
                                   suggestion(name, known)));
  }
  std::sort(warnings.begin(), warnings.end());
  return {};
}

Result<void> apply_otel_variables(const Environment& environment, Draft& draft,
                                  std::vector<std::string>& notes) {
  for (const auto& key : keys()) {
    if (key.otel.empty()) continue;
    const auto* text = find(environment, std::string(key.otel));
    if (text == nullptr) continue;
    auto value = parse_value(key, *text);
    if (!value) return complain(key, *text, key.otel, value.error());
    // It belongs to the process whose environment this is, which discovery reads by itself; under
    // `tacit exec` the command inherits it.
    if (key.name == "resource.attributes") value->pairs.erase("service.name");
    if (auto done = apply(key, *value, key.otel, draft); !done) return done;
  }
  if (auto done = apply_signal(environment, "TRACES", draft.otlp_traces); !done) return done;
  if (auto done = apply_signal(environment, "METRICS", draft.otlp_metrics); !done) return done;
  if (environment.contains("OTEL_SDK_DISABLED"))
    notes.push_back("OTEL_SDK_DISABLED is for SDKs inside programs; the agent ignores it");
  return apply_exporter_choice(environment, draft);
}

}  // namespace tacit::config
