// SPDX-License-Identifier: Apache-2.0
// python [options] script | -m module | -c text, and the application servers among the scripts.
#include <algorithm>
#include <cctype>

#include "agent/discovery/launch.h"

namespace tacit::discovery {
namespace {

bool is_word(unsigned char c) { return std::isalnum(c) || c == '_'; }

// A dotted Python name: "shop.api_2".
bool is_module(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return is_word(c) || c == '.'; }) &&
         text.front() != '.' && text.back() != '.';
}

// "shop.main:app" → "shop.main"; empty where the text is no such target ("localhost:8000").
std::string_view target_module(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 >= text.size()) return {};
  const auto first = static_cast<unsigned char>(text[colon + 1]);
  const auto module = text.substr(0, colon);
  return is_module(module) && (std::isalpha(first) || first == '_') ? module : std::string_view{};
}

// "shop.api.main" → "shop.api", "main" → the folder's name.
std::string module_name(std::string_view module, std::string_view folder) {
  auto rest = module;
  while (true) {
    const size_t dot = rest.rfind('.');
    const auto last = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
    if (!is_generic(last)) return std::string(rest);
    if (dot == std::string_view::npos) break;
    rest = rest.substr(0, dot);
  }
  auto name = telling_name("main", folder);
  return name == "main" ? std::string(module) : name;
}

std::string_view value_of(std::span<const std::string> args,
                          std::initializer_list<std::string_view> names) {
  for (size_t i = 0; i < args.size(); ++i)
    for (const auto name : names) {
      if (args[i] == name && i + 1 < args.size()) return args[i + 1];
      if (args[i].size() > name.size() && args[i].starts_with(name) && args[i][name.size()] == '=')
        return std::string_view(args[i]).substr(name.size() + 1);
    }
  return {};
}

std::string folder_of(const Launch& launch, std::string_view given) {
  return given.empty() ? launch.cwd : absolute_path(given, launch.cwd);
}

// uvicorn, gunicorn and their like: MODULE:OBJECT anywhere, else the last dotted name.
std::string served_application(const Launch& launch, std::span<const std::string> args) {
  const auto folder = folder_of(launch, value_of(args, {"--app-dir", "--chdir"}));
  for (const auto& arg : args)
    if (const auto module = target_module(arg); !module.empty()) return module_name(module, folder);
  for (size_t i = args.size(); i-- > 0;) {
    const bool follows_option = i > 0 && args[i - 1].starts_with("-");
    if (!follows_option && is_module(args[i])) return module_name(args[i], folder);
  }
  return telling_name("main", folder) == "main" ? std::string{} : telling_name("main", folder);
}

// flask --app X run, celery -A X worker.
std::string named_application(const Launch& launch, std::span<const std::string> args) {
  auto app = value_of(args, {"--app", "-A"});
  app = app.substr(0, app.find(':'));
  const auto folder = folder_of(launch, {});
  if (app.empty()) return telling_name("app", folder);
  return module_name(without_suffix(base_name(app), {".py"}), folder);
}

// The script or module that is a known server gives way to what it serves.
std::string known_server(const Launch& launch, std::string_view name,
                         std::span<const std::string> rest) {
  if (one_of(name, {"uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve",
                    "waitress"}))
    return served_application(launch, rest);
  if (one_of(name, {"flask", "celery"})) return named_application(launch, rest);
  if (one_of(name, {"fastapi", "streamlit"}))
    for (const auto& arg : rest)
      if (arg.ends_with(".py")) return script_name(launch, arg);
  return {};
}

// The index of -m's module, of the script, or args.size(). -u -m, -um and -mX are all seen.
size_t program_index(const std::vector<std::string>& args, bool& is_m, std::string_view& joined) {
  for (size_t i = 1; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    if (arg.size() < 2 || arg[0] != '-') return i;
    if (one_of(arg, {"-X", "-W", "--check-hash-based-pycs"})) {
      ++i;
      continue;
    }
    if (arg[1] == '-' || arg[1] == 'X' || arg[1] == 'W') continue;
    const size_t letter = arg.find_first_of("cm", 1);
    if (letter == std::string_view::npos) continue;
    if (arg[letter] == 'c') return args.size();
    is_m = true;
    joined = arg.substr(letter + 1);
    return joined.empty() ? i + 1 : i;
  }
  return args.size();
}

}  // namespace

std::string python_program(const Launch& launch) {
  const auto& args = launch.args;
  if (args.size() >= 1 && args[0].starts_with("gunicorn: ")) {
    const auto title = bracketed(args[0]);
    return title.empty() ? std::string{}
                         : module_name(title.substr(0, title.find(':')), launch.cwd);
  }
  bool is_m = false;
  std::string_view joined;
  const size_t at = program_index(args, is_m, joined);
  if (at >= args.size()) return {};
  const std::string_view program = joined.empty() ? std::string_view(args[at]) : joined;
  const auto name = is_m ? program : base_name(program);
  const auto rest = std::span(args).subspan(at + 1);
  if (auto served = known_server(launch, name, rest); !served.empty()) return served;
  if (!is_m) return program == "-" ? std::string{} : script_name(launch, program);
  return telling_name(without_suffix(program, {".__main__"}), launch.cwd);
}

}  // namespace tacit::discovery
