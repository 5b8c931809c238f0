// SPDX-License-Identifier: Apache-2.0
// node [options] script, deno run script, bun [run] script: the nearest package.json's name, else
// the script's.
#include <nlohmann/json.hpp>

#include "agent/discovery/launch.h"

namespace tacit::discovery {
namespace {

constexpr int kMaxLevels = 16;

std::string package_name(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  const auto name = json.find("name");
  return name != json.end() && name->is_string() ? name->get<std::string>() : std::string{};
}

// From `folder` up; what lies in node_modules belongs to the package around it.
std::string nearest_package(const Launch& launch, std::string folder) {
  if (!launch.read || folder.empty()) return {};
  if (const size_t modules = folder.find("/node_modules"); modules != std::string::npos)
    folder.resize(modules);
  for (int level = 0; level < kMaxLevels; ++level) {
    while (!folder.empty() && folder.back() == '/') folder.pop_back();
    if (const auto text = launch.read(folder + "/package.json"))
      if (auto name = package_name(*text); !name.empty()) return name;
    if (folder.empty()) break;
    folder.resize(folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
  }
  return {};
}

}  // namespace

std::string node_program(const Launch& launch) {
  size_t at = first_operand(launch.args, 1,
                            {"-r", "--require", "--import", "--loader", "--experimental-loader",
                             "-e", "--eval", "-p", "--print", "-C", "--conditions", "--env-file",
                             "--title", "-c", "--config", "--import-map"});
  if (at < launch.args.size() && launch.args[at] == "run" &&
      one_of(base_name(launch.exe.empty() ? launch.args[0] : launch.exe), {"deno", "bun"}))
    at = first_operand(launch.args, at + 1, {"-c", "--config", "--import-map"});
  if (at >= launch.args.size()) return nearest_package(launch, launch.cwd);
  const auto& script = launch.args[at];
  const auto path = absolute_path(script, launch.cwd);
  // `node .` and `node folder` name a folder; looking inside finds its package.json first.
  const bool folder = script == "." || base_name(script).find('.') == std::string_view::npos;
  const auto above = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  if (auto name = nearest_package(launch, folder ? path : above); !name.empty()) return name;
  return script_name(launch, script == "." ? launch.cwd : script);
}

}  // namespace tacit::discovery
