// SPDX-License-Identifier: Apache-2.0
#include "agent/command/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "agent/base/log.h"
#include "agent/config/config_loader.h"
#include "agent/config/nearest_name.h"
#include "agent/config/value_parsers.h"

namespace tacit::command {
namespace {

using config::Key;
using config::Selector;
using config::Value;

// What CLI11 fills in while it parses; turned into settings afterwards.
struct Flags {
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> settings;  // flag, text; in table order
  std::vector<std::string> routes;
  std::optional<std::string> sampler;
  std::optional<std::string> prometheus;  // HOST:PORT, or empty
  bool help = false;
  std::vector<std::pair<std::string, std::string>> selectors;  // flag, text; as written
};

constexpr std::string_view kPlainFlags[] = {"--console",  "--otlp-endpoint", "--otlp-protocol",
                                            "--semconv",  "--service-name",  "--http-query",
                                            "--log-level"};
constexpr std::string_view kDoctorFlags[] = {"--otlp-endpoint", "--otlp-protocol", "--log-level"};
constexpr std::string_view kSelectorFlags[] = {"--port", "--exe",    "--cmd",
                                               "--pid",  "--cgroup", "--container"};

void add_setting(CLI::App& app, std::string_view flag, Flags& flags) {
  app.add_option_function<std::string>(
         std::string(flag),
         [&flags, flag = std::string(flag)](const std::string& text) {
           flags.settings.emplace_back(flag, text);
         })
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

void add_selector(CLI::App& app, std::string_view flag, Flags& flags) {
  app.add_option_function<std::vector<std::string>>(
         std::string(flag),
         [&flags, flag = std::string(flag)](const std::vector<std::string>& texts) {
           for (const auto& text : texts) flags.selectors.emplace_back(flag, text);
         })
      ->allow_extra_args(false);
}

void add_flags(CLI::App& app, std::string_view command, Flags& flags) {
  app.add_flag("--help,-h", flags.help);
  app.add_option("--config", flags.config_file);
  if (command == "doctor") {
    for (const auto flag : kDoctorFlags) add_setting(app, flag, flags);
    add_selector(app, "--pid", flags);  // processes to look into
    return;
  }
  for (const auto flag : kPlainFlags) add_setting(app, flag, flags);
  app.add_option("--route", flags.routes)->allow_extra_args(false);
  app.add_option_function<std::string>("--sampler",
                                       [&flags](const std::string& text) { flags.sampler = text; });
  // A CLI11 flag takes a value after '=' alone, so `--prometheus COMMAND` reads as it looks.
  app.add_flag("--prometheus{}", flags.prometheus);
  if (command == "run")
    for (const auto flag : kSelectorFlags) add_selector(app, flag, flags);
}

std::unique_ptr<CLI::App> make_app(std::string_view command, Flags& flags) {
  auto app = std::make_unique<CLI::App>("", std::string(command));
  app->set_help_flag();
  app->allow_extras();
  add_flags(*app, command, flags);
  if (command == "exec") app->prefix_command();
  return app;
}

const Key& key_of_flag(std::string_view flag) {
  const auto keys = config::keys();
  return *std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.flag == flag; });
}

config::FlagSetting setting(std::string_view key_name, const std::string& text,
                            std::string_view label) {
  Value value;
  value.text = text;
  return {config::find_key(key_name), std::move(value), std::string(label)};
}

// "HOST:PORT", ":PORT", "PORT", "[v6]:PORT".
void add_prometheus(const std::string& address, std::vector<config::FlagSetting>& out) {
  out.push_back(setting("prometheus.enabled", "true", "--prometheus"));
  if (address.empty()) return;
  const size_t colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "" : address.substr(0, colon);
  const std::string port = colon == std::string::npos ? address : address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (!host.empty()) out.push_back(setting("prometheus.host", host, "--prometheus: the host"));
  out.push_back(setting("prometheus.port", port, "--prometheus: the port"));
}

void add_sampler(const std::string& text, std::vector<config::FlagSetting>& out) {
  const size_t equals = text.find('=');
  out.push_back(setting("traces.sampler", text.substr(0, equals), "--sampler"));
  if (equals != std::string::npos)
    out.push_back(setting("traces.sampler_arg", text.substr(equals + 1), "--sampler: the ratio"));
}

Result<Selector> make_selector(const std::string& flag, const std::string& text) {
  Selector selector;
  if (text.empty() || text.size() > 1024)
    return fail(fmt::format("{} needs a value of 1 to 1024 bytes", flag));
  if (flag == "--exe") selector.exe = text;
  if (flag == "--cmd") selector.cmd = text;
  if (flag == "--cgroup") selector.cgroup = text;
  if (flag == "--container") selector.container = text;
  if (flag == "--port") {
    uint16_t port = 0;
    if (!config::parse_number(text, 1, 65535, port))
      return fail(fmt::format("--port is \"{}\": it must be a number from 1 to 65535",
                              log::escape(text)));
    selector.ports.push_back(port);
  }
  if (flag == "--pid" && !config::parse_number(text, 1, 4'194'304, selector.pid))
    return fail(fmt::format("--pid is \"{}\": it must be a process id", log::escape(text)));
  return selector;
}

Result<std::vector<config::FlagSetting>> to_settings(const Flags& flags) {
  std::vector<config::FlagSetting> out;
  for (const auto& [flag, text] : flags.settings) {
    Value value;
    value.text = text;
    out.push_back({&key_of_flag(flag), std::move(value), flag});
  }
  if (!flags.routes.empty()) {
    Value value;
    value.list = flags.routes;
    out.push_back({config::find_key("http.routes"), std::move(value), "--route"});
  }
  if (flags.sampler) add_sampler(*flags.sampler, out);
  if (flags.prometheus) add_prometheus(*flags.prometheus, out);
  if (flags.selectors.empty()) return out;
  Value value;
  for (const auto& [flag, text] : flags.selectors) {
    auto selector = make_selector(flag, text);
    if (!selector) return std::unexpected(selector.error());
    value.selectors.push_back(*std::move(selector));
  }
  out.push_back({config::find_key("selectors"), std::move(value), "selectors"});
  return out;
}

Invocation help(std::string_view command) {
  Invocation out;
  out.help = help_text(command);
  return out;
}

Result<void> refuse_unknown(std::string_view command, const std::string& word) {
  const auto flags = known_flags(command);
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  const auto name = word.substr(0, word.find('='));
  if (word.starts_with("-"))
    return fail(fmt::format("tacit {} has no option {}{}", command, log::escape(name),
                            config::suggestion(name, known)));
  return fail(fmt::format("tacit {} takes no argument \"{}\"; see tacit {} --help", command,
                          log::escape(word), command));
}

// Parses the words of one command into `flags`; returns what is left: exec's command.
Result<std::vector<std::string>> parse_words(std::string_view command,
                                             std::vector<std::string> words, Flags& flags) {
  auto app = make_app(command, flags);
  std::reverse(words.begin(), words.end());
  try {
    app->parse(words);
  } catch (const CLI::ParseError& error) {
    return fail(fmt::format("tacit {}: {}", command, log::escape(error.what())));
  }
  auto rest = app->remaining();
  if (flags.help) return rest;
  if (!rest.empty() && (command != "exec" || rest[0].starts_with("-")))
    if (auto known = refuse_unknown(command, rest[0]); !known)
      return std::unexpected(known.error());
  return rest;
}

Result<Invocation> parse_command(std::string_view command, std::vector<std::string> words,
                                 const char* const* environ, bool terminal) {
  // What follows the first -- is the command to run, whatever it looks like.
  std::vector<std::string> tail;
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const bool dashed = dashes != words.end();
  if (dashed) tail.assign(std::next(dashes), words.end());
  words.erase(dashes, words.end());

  Flags flags;
  auto rest = parse_words(command, std::move(words), flags);
  if (!rest) return std::unexpected(rest.error());
  if (flags.help) return help(command);
  Invocation out;
  out.command = *std::move(rest);
  if (!out.command.empty() && dashed) out.command.push_back("--");
  out.command.insert(out.command.end(), tail.begin(), tail.end());
  if (command == "exec" && out.command.empty())
    return fail("tacit exec needs a command: tacit exec -- COMMAND…");
  if (command != "exec" && !out.command.empty())
    return fail(fmt::format("tacit {} takes no command; see tacit {} --help", command, command));

  config::Sources sources;
  auto settings = to_settings(flags);
  if (!settings) return std::unexpected(settings.error());
  sources.flags = *std::move(settings);
  sources.environ = environ;
  sources.file = flags.config_file;
  sources.terminal = terminal;
  sources.purpose = command == "exec"  ? config::Purpose::kExec
                    : command == "run" ? config::Purpose::kRun
                                       : config::Purpose::kOther;
  auto loaded = config::load(sources);
  if (!loaded) return std::unexpected(loaded.error());
  out.what = command == "exec"  ? Invocation::Command::kExec
             : command == "run" ? Invocation::Command::kRun
                                : Invocation::Command::kDoctor;
  out.config = std::move(loaded->config);
  out.warnings = std::move(loaded->warnings);
  out.notes = std::move(loaded->notes);
  return out;
}

}  // namespace

std::vector<std::string> known_flags(std::string_view command) {
  Flags flags;
  const auto app = make_app(command, flags);
  std::vector<std::string> out;
  for (const auto* option : app->get_options())
    if (!option->check_lname("help")) out.push_back("--" + option->get_lnames().at(0));
  std::sort(out.begin(), out.end());
  return out;
}

Result<Invocation> parse_invocation(int argc, const char* const* argv, const char* const* environ,
                                    bool terminal) {
  static constexpr std::string_view kCommands[] = {"exec", "run", "doctor", "version", "help"};
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const std::string name = words.empty() ? "help" : words.front();
  if (!words.empty()) words.erase(words.begin());
  if (name == "help" || name == "--help" || name == "-h") {
    const std::string_view about = words.empty() ? std::string_view{} : words.front();
    return help(about);
  }
  if (name == "version" || name == "--version") {
    if (!words.empty()) return fail("tacit version takes no arguments");
    Invocation out;
    out.what = Invocation::Command::kVersion;
    return out;
  }
  if (std::find(std::begin(kCommands), std::end(kCommands), name) == std::end(kCommands))
    return fail(fmt::format("tacit has no command {}{} (see tacit --help)", log::escape(name, 64),
                            config::suggestion(name, kCommands)));
  return parse_command(name, std::move(words), environ, terminal);
}

}  // namespace tacit::command
