// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/program_name.h"

#include <algorithm>
#include <cctype>

namespace tacit::discovery {
namespace {

// "python3.11" → "python", "php-fpm8.2" → "php-fpm".
std::string_view without_number(std::string_view name) {
  const size_t end = name.find_last_not_of("0123456789.-");
  return end == std::string_view::npos ? name : name.substr(0, end + 1);
}

std::string_view executable(const Launch& launch) {
  auto name = base_name(launch.exe);
  const bool many_in_one = one_of(name, {"busybox", "toybox", "coreutils"});
  if ((name.empty() || many_in_one) && !launch.args.empty()) {
    name = base_name(launch.args[0]);
    if (name.starts_with("-")) name.remove_prefix(1);  // a login shell
  }
  return name;
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string{} : std::string(path.substr(0, slash));
}

std::string executable_name(const Launch& launch) {
  const auto name = executable(launch);
  // `go run` builds into a folder of its own that tells nothing.
  const bool passing = launch.exe.starts_with("/tmp/") || launch.exe.find("go-build") !=
                                                              std::string::npos;
  const auto folder = passing || launch.exe.empty() ? launch.cwd : folder_of(launch.exe);
  return telling_name(name, folder);
}

std::string ruby_program(const Launch& launch) {
  const auto& args = launch.args;
  if (!args.empty() && args[0].starts_with("puma") && args.size() == 1)
    return std::string(bracketed(args[0]));
  const size_t at = first_operand(args, 1, {"-r", "-I", "-C", "-e", "-E"});
  if (at >= args.size()) return {};
  if (one_of(base_name(args[at]), {"puma", "unicorn", "rails", "rackup", "thin", "bundle", "falcon",
                                   "passenger", "sidekiq", "rake", "config.ru"}))
    return telling_name("app", launch.cwd) == "app" ? std::string(base_name(args[at]))
                                                    : telling_name("app", launch.cwd);
  return script_name(launch, args[at]);
}

std::string php_program(const Launch& launch) {
  const auto& args = launch.args;
  if (executable(launch).starts_with("php-fpm")) return "php-fpm";
  for (size_t i = 1; i + 1 < args.size(); ++i)
    if (args[i] == "-t") return telling_name("app", absolute_path(args[i + 1], launch.cwd));
  const size_t at = first_operand(args, 1, {"-S", "-t", "-c", "-d", "-f", "-r", "-z"});
  if (at >= args.size()) return {};
  if (one_of(base_name(args[at]), {"artisan", "console", "index.php"}))
    return script_name(launch, folder_of(args[at]).empty() ? "app.php"
                                                           : folder_of(args[at]) + "/app.php");
  return script_name(launch, args[at]);
}

std::string dotnet_program(const Launch& launch) {
  const size_t at = first_operand(launch.args, 1, {});
  if (at >= launch.args.size()) return {};
  if (launch.args[at].ends_with(".dll")) return script_name(launch, launch.args[at]);
  return telling_name("app", launch.cwd);
}

std::string told_by_runtime(const Launch& launch, Runtime runtime) {
  switch (runtime) {
    case Runtime::kPython:
      return python_program(launch);
    case Runtime::kNode:
    case Runtime::kDeno:
    case Runtime::kBun:
      return node_program(launch);
    case Runtime::kJava:
      return java_program(launch);
    case Runtime::kRuby:
      return ruby_program(launch);
    case Runtime::kPhp:
      return php_program(launch);
    case Runtime::kDotnet:
      return dotnet_program(launch);
    case Runtime::kGo:
    case Runtime::kUnknown:
      break;
  }
  return {};
}

}  // namespace

Runtime detect_runtime(const Launch& launch) {
  const auto name = without_number(executable(launch));
  if (one_of(name, {"python", "pypy"})) return Runtime::kPython;
  if (one_of(name, {"node", "nodejs"})) return Runtime::kNode;
  if (name == "java") return Runtime::kJava;
  if (one_of(name, {"ruby", "jruby"})) return Runtime::kRuby;
  if (one_of(name, {"php", "php-fpm", "php-cgi"})) return Runtime::kPhp;
  if (name == "dotnet") return Runtime::kDotnet;
  if (name == "deno") return Runtime::kDeno;
  if (name == "bun") return Runtime::kBun;
  return Runtime::kUnknown;
}

std::string program_name(const Launch& launch, Runtime runtime) {
  auto name = told_by_runtime(launch, runtime);
  if (!name.empty()) return name;
  if (runtime != Runtime::kUnknown && runtime != Runtime::kGo)
    name = without_number(executable(launch));
  else
    name = executable_name(launch);
  return name.empty() ? "unknown_service" : name;
}

bool belongs_to_parent(const Launch& launch, Runtime runtime) {
  if (runtime != Runtime::kPython) return false;
  const auto& args = launch.args;
  for (size_t i = 1; i + 1 < args.size(); ++i)
    if (args[i] == "-c")
      return args[i + 1].starts_with("from multiprocessing.") ||
             args[i + 1].find("; from multiprocessing.") != std::string::npos;
  return false;
}

}  // namespace tacit::discovery
