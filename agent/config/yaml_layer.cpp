// SPDX-License-Identifier: Apache-2.0
// The YAML file: sections of keys, and a list of selectors.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/base/log.h"
#include "agent/config/config_layers.h"
#include "agent/config/nearest_name.h"
#include "agent/config/value_parsers.h"

namespace tacit::config {
namespace {

using Kind = YamlNode::Kind;

constexpr std::array<std::string_view, 7> kSelectorFields = {
    "name", "port", "exe", "cmd", "pid", "cgroup", "container"};

std::string at(std::string_view name, int line) { return fmt::format("{} line {}", name, line); }

std::unexpected<Error> wrong_shape(std::string_view name, const YamlNode& node,
                                   std::string_view key, std::string_view wanted) {
  return fail(fmt::format("{}: {} must be {}", at(name, node.line), key, wanted));
}

Result<std::vector<std::string>> scalars(const YamlNode& node, std::string_view name,
                                         std::string_view key) {
  std::vector<std::string> out;
  if (node.kind == Kind::kScalar) return std::vector{node.text};
  if (node.kind != Kind::kSequence) return wrong_shape(name, node, key, "a list");
  for (const auto& item : node.items) {
    if (item.kind != Kind::kScalar) return wrong_shape(name, item, key, "a list of single values");
    out.push_back(item.text);
  }
  return out;
}

Result<Value> read_pairs(const YamlNode& node, std::string_view name, std::string_view key) {
  if (node.kind != Kind::kMap) return wrong_shape(name, node, key, "a map of single values");
  Value value;
  for (const auto& entry : node.entries) {
    if (entry.value.kind != Kind::kScalar)
      return wrong_shape(name, entry.value, key, "a map of single values");
    value.pairs[entry.key] = entry.value.text;
  }
  return value;
}

Result<Value> read_value(const Key& key, const YamlNode& node, std::string_view name) {
  Value value;
  switch (key.kind) {
    case ValueKind::kText:
      if (node.kind != Kind::kScalar) return wrong_shape(name, node, key.name, "a single value");
      value.text = node.text;
      return value;
    case ValueKind::kList: {
      auto list = scalars(node, name, key.name);
      if (!list) return std::unexpected(list.error());
      value.list = *std::move(list);
      return value;
    }
    case ValueKind::kPairs:
      return read_pairs(node, name, key.name);
    case ValueKind::kSelectors: {
      auto selectors = read_selectors(node, name);
      if (!selectors) return std::unexpected(selectors.error());
      value.selectors = *std::move(selectors);
      return value;
    }
  }
  return value;
}

Result<void> read_ports(const YamlNode& node, std::string_view name, Selector& selector) {
  auto texts = scalars(node, name, "port");
  if (!texts) return std::unexpected(texts.error());
  for (const auto& text : *texts) {
    uint16_t port = 0;
    if (!parse_number(text, 1, 65535, port))
      return fail(fmt::format("{}: port is \"{}\": it must be a number from 1 to 65535",
                              at(name, node.line), log::escape(text)));
    selector.ports.push_back(port);
  }
  return {};
}

Result<void> read_field(const YamlEntry& entry, std::string_view name, Selector& selector) {
  if (entry.key == "port") return read_ports(entry.value, name, selector);
  const auto known = std::find(kSelectorFields.begin(), kSelectorFields.end(), entry.key);
  if (known == kSelectorFields.end())
    return fail(fmt::format("{}: a selector has no field {}{}", at(name, entry.line),
                            log::escape(entry.key), suggestion(entry.key, kSelectorFields)));
  const auto& node = entry.value;
  if (node.kind != Kind::kScalar || node.text.empty() || node.text.size() > 1024)
    return wrong_shape(name, node, entry.key, "a single value of 1 to 1024 bytes");
  if (entry.key == "pid") {
    if (parse_number(node.text, 1, 4'194'304, selector.pid)) return {};
    return fail(fmt::format("{}: pid is \"{}\": it must be a process id", at(name, node.line),
                            log::escape(node.text)));
  }
  if (entry.key == "name") selector.name = node.text;
  if (entry.key == "exe") selector.exe = node.text;
  if (entry.key == "cmd") selector.cmd = node.text;
  if (entry.key == "cgroup") selector.cgroup = node.text;
  if (entry.key == "container") selector.container = node.text;
  return {};
}

bool has_condition(const Selector& s) {
  return !s.ports.empty() || s.pid != 0 || !s.exe.empty() || !s.cmd.empty() || !s.cgroup.empty() ||
         !s.container.empty();
}

std::unexpected<Error> unknown_key(std::string_view name, int line, const std::string& key) {
  std::vector<std::string_view> known;
  for (const auto& row : keys()) known.push_back(row.name);
  // A section alone: the name of the section is what is compared.
  if (key.find('.') == std::string::npos)
    for (auto& text : known) text = text.substr(0, text.find('.'));
  return fail(fmt::format("{}: unknown key {}{}", at(name, line), log::escape(key),
                          suggestion(key, known)));
}

bool is_section(std::string_view text) {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) {
    return key.name.size() > text.size() && key.name.starts_with(text) &&
           key.name[text.size()] == '.';
  });
}

Result<void> apply_entry(const std::string& key_name, const YamlEntry& entry,
                         std::string_view name, std::map<const Key*, const YamlNode*>& found) {
  const Key* key = find_key(key_name);
  if (key == nullptr) return unknown_key(name, entry.line, key_name);
  if (entry.value.kind != Kind::kNull) found[key] = &entry.value;
  return {};
}

Result<void> collect(const YamlNode& root, std::string_view name,
                     std::map<const Key*, const YamlNode*>& found) {
  for (const auto& section : root.entries) {
    if (!is_section(section.key)) {
      if (auto done = apply_entry(section.key, section, name, found); !done) return done;
      continue;
    }
    if (section.value.kind == Kind::kNull) continue;
    if (section.value.kind != Kind::kMap)
      return wrong_shape(name, section.value, section.key, "a section of keys");
    for (const auto& entry : section.value.entries)
      if (auto done = apply_entry(section.key + "." + entry.key, entry, name, found); !done)
        return done;
  }
  return {};
}

}  // namespace

Result<std::vector<Selector>> read_selectors(const YamlNode& node, std::string_view name) {
  std::vector<Selector> out;
  if (node.kind != Kind::kSequence) return wrong_shape(name, node, "selectors", "a list");
  if (node.items.size() > 256) return wrong_shape(name, node, "selectors", "at most 256 items");
  for (const auto& item : node.items) {
    if (item.kind != Kind::kMap)
      return wrong_shape(name, item, "each selector", "a map such as {port: 8080}");
    Selector selector;
    for (const auto& entry : item.entries)
      if (auto done = read_field(entry, name, selector); !done)
        return std::unexpected(done.error());
    if (!has_condition(selector))
      return wrong_shape(name, item, "a selector",
                         "given a condition (port, exe, cmd, pid, cgroup or container); "
                         "exe: \"*\" selects everything");
    out.push_back(std::move(selector));
  }
  return out;
}

Result<void> apply_yaml(const YamlNode& root, std::string_view name, Draft& draft) {
  if (root.kind == Kind::kNull) return {};
  if (root.kind != Kind::kMap) return wrong_shape(name, root, "the file", "a map of sections");
  // Keyed by address: the table's order, in which a common OTLP setting comes before a signal's.
  std::map<const Key*, const YamlNode*> found;
  if (auto done = collect(root, name, found); !done) return done;
  for (const auto& [key, node] : found) {
    auto value = read_value(*key, *node, name);
    if (!value) return std::unexpected(value.error());
    const auto label = fmt::format("{}: {}", at(name, node->line), key->name);
    if (auto done = apply(*key, *value, label, draft); !done) return done;
  }
  return {};
}

}  // namespace tacit::config
