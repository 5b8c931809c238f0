// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_loader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/config/attribute_list.h"
#include "agent/config/config_layers.h"

namespace tacit::config {
namespace {

Result<std::string> read_file(const std::string& path) {
  const auto name = log::escape(path);
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid())
    return fail(fmt::format("cannot open the configuration {}: {}", name, std::strerror(errno)));
  std::string text(kMaxYamlBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(fmt::format("cannot read the configuration {}: {}", name, std::strerror(errno)));
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  text.resize(size);
  return text;
}

Result<void> apply_file(const std::string& path, Draft& draft) {
  if (path.empty()) return {};
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  const auto name = log::escape(path);
  auto root = parse_yaml(*text, name);
  if (!root) return std::unexpected(root.error());
  return apply_yaml(*root, name, draft);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) out.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return out;
}

// Destinations: what was said, and the purpose's own where nothing was.
Result<Config> finish(Draft draft, const Sources& sources) {
  auto traces = resolve_otlp(draft, Signal::kTraces);
  if (!traces) return std::unexpected(traces.error());
  auto metrics = resolve_otlp(draft, Signal::kMetrics);
  if (!metrics) return std::unexpected(metrics.error());
  Config config = std::move(draft.config);
  config.otlp_traces = *std::move(traces);
  config.otlp_metrics = *std::move(metrics);
  config.prometheus = draft.prometheus.value_or(false);

  const auto suitable = sources.terminal ? ConsoleFormat::kText : ConsoleFormat::kJson;
  config.console = draft.console.value_or(draft.console_auto ? suitable : ConsoleFormat::kOff);
  const bool anywhere = config.console != ConsoleFormat::kOff || config.prometheus ||
                        !config.otlp_traces.endpoint.empty() ||
                        !config.otlp_metrics.endpoint.empty();
  if (anywhere) return config;
  if (sources.purpose == Purpose::kExec && !draft.console) config.console = suitable;
  if (sources.purpose == Purpose::kRun && !draft.prometheus) config.prometheus = true;
  return config;
}

}  // namespace

std::string shown(const Key& key, std::string_view text) {
  // An endpoint may wrongly carry a password.
  if (key.secret || text.empty() || text.find('@') != std::string_view::npos) return {};
  return fmt::format(" is \"{}\"", log::escape(text, 128));
}

Result<void> apply(const Key& key, const Value& value, std::string_view label, Draft& draft) {
  auto set = key.set(draft, value);
  if (set) return {};
  return fail(fmt::format("{}{}: {}", label, shown(key, value.text), set.error().message));
}

Result<Value> parse_value(const Key& key, const std::string& text) {
  Value value;
  value.text = text;
  switch (key.kind) {
    case ValueKind::kText:
      break;
    case ValueKind::kList:
      value.list = split_list(text);
      break;
    case ValueKind::kPairs: {
      auto pairs = parse_pairs(text);
      if (!pairs) return std::unexpected(pairs.error());
      value.pairs = *std::move(pairs);
      break;
    }
    case ValueKind::kSelectors: {
      auto root = parse_yaml(text, "it");
      if (!root) return std::unexpected(root.error());
      auto selectors = read_selectors(*root, "it");
      if (!selectors) return std::unexpected(selectors.error());
      value.selectors = *std::move(selectors);
      break;
    }
  }
  return value;
}

Result<Loaded> load(const Sources& sources) {
  const auto environment = read_environment(sources.environ);
  std::string file = sources.file;
  const auto named = environment.find("TACIT_CONFIG");
  if (file.empty() && named != environment.end()) file = named->second;

  Draft draft;
  Loaded loaded;
  if (auto done = apply_file(file, draft); !done) return std::unexpected(done.error());
  if (auto done = apply_tacit_variables(environment, draft, loaded.warnings); !done)
    return std::unexpected(done.error());
  if (auto done = apply_otel_variables(environment, draft, loaded.notes); !done)
    return std::unexpected(done.error());
  for (const auto& flag : sources.flags)
    if (auto done = apply(*flag.key, flag.value, flag.label, draft); !done)
      return std::unexpected(done.error());

  auto config = finish(std::move(draft), sources);
  if (!config) return std::unexpected(config.error());
  loaded.config = *std::move(config);
  return loaded;
}

}  // namespace tacit::config
