// SPDX-License-Identifier: Apache-2.0
// java [options] -jar file | -m module/class | class, and Spring's own name property.
#include <cctype>

#include "agent/discovery/launch.h"

namespace tacit::discovery {
namespace {

// "billing-1.2.3-SNAPSHOT" → "billing".
std::string_view without_version(std::string_view name) {
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] != '-' && name[i] != '_') continue;
    const size_t digit = name[i + 1] == 'v' && i + 2 < name.size() ? i + 2 : i + 1;
    if (std::isdigit(static_cast<unsigned char>(name[digit]))) return name.substr(0, i);
  }
  return name;
}

std::string class_name(std::string_view full) {
  const size_t dot = full.rfind('.');
  const auto simple = dot == std::string_view::npos ? full : full.substr(dot + 1);
  if (!is_generic(simple) || dot == std::string_view::npos) return std::string(simple);
  const auto package = full.substr(0, dot);
  return std::string(package.substr(package.rfind('.') + 1));
}

std::string jar_name(const Launch& launch, std::string_view jar) {
  const auto path = absolute_path(jar, launch.cwd);
  const auto folder = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return telling_name(without_version(without_suffix(base_name(jar), {".jar", ".war"})), folder);
}

}  // namespace

std::string java_program(const Launch& launch) {
  const auto& args = launch.args;
  std::string found;
  for (size_t i = 1; i < args.size() && found.empty(); ++i) {
    const std::string_view arg = args[i];
    for (const std::string_view property : {"-Dspring.application.name=", "-Dotel.service.name="})
      if (arg.size() > property.size() && arg.starts_with(property))
        return std::string(arg.substr(property.size()));
    const bool last = i + 1 >= args.size();
    if (arg == "-jar") return last ? std::string{} : jar_name(launch, args[i + 1]);
    if (arg == "-m" || arg == "--module") {
      if (last) return {};
      const std::string_view module = args[i + 1];
      const size_t slash = module.find('/');
      return class_name(slash == std::string_view::npos ? module : module.substr(slash + 1));
    }
    if (one_of(arg, {"-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules",
                     "--add-opens", "--add-exports", "--add-reads", "--limit-modules",
                     "--upgrade-module-path", "--source"}))
      ++i;
    else if (!arg.empty() && arg[0] != '-' && arg[0] != '@')
      found = class_name(arg);
  }
  // Spring Boot's starters stand for whatever lies in the folder.
  if (one_of(found, {"JarLauncher", "WarLauncher", "PropertiesLauncher"}))
    if (auto name = telling_name("app", launch.cwd); name != "app") return name;
  return found;
}

}  // namespace tacit::discovery
