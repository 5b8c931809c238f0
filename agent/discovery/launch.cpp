// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/launch.h"

#include <algorithm>
#include <cctype>

namespace tacit::discovery {
namespace {

bool generic_folder(std::string_view name) {
  return is_generic(name) ||
         one_of(name, {"src", "code", "bin", "sbin", "dist", "build", "srv", "opt", "home", "root",
                       "tmp", "usr", "local", "lib", "www", "html", "var", "workspace", "target",
                       "out", "project", "release", "debug", "public", "current", "apps", "cmd"});
}

std::string_view parent_of(std::string_view folder) {
  const size_t slash = folder.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : folder.substr(0, slash);
}

}  // namespace

std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view without_suffix(std::string_view text,
                                std::initializer_list<std::string_view> suffixes) {
  for (const auto suffix : suffixes)
    if (text.size() > suffix.size() && text.ends_with(suffix))
      return text.substr(0, text.size() - suffix.size());
  return text;
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string absolute_path(std::string_view path, std::string_view cwd) {
  if (path.empty() || (path[0] != '/' && (cwd.empty() || cwd[0] != '/'))) return {};
  std::string joined(path);
  if (path[0] != '/') joined = std::string(cwd) + "/" + joined;
  std::vector<std::string_view> parts;
  std::string_view rest = joined;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  std::string out;
  for (const auto part : parts) out.append("/").append(part);
  return out.empty() ? "/" : out;
}

bool is_generic(std::string_view name) {
  std::string lower(name.substr(0, 32));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return one_of(lower, {"main", "app", "application", "server", "index", "run", "start", "wsgi",
                        "asgi", "manage", "__main__", "a.out", ""});
}

std::string telling_name(std::string_view stem, std::string_view folder) {
  if (!is_generic(stem)) return std::string(stem);
  for (int level = 0; level < 3 && folder.size() > 1; ++level, folder = parent_of(folder)) {
    const auto name = base_name(folder);
    if (parent_of(folder) == "/home") break;
    if (!generic_folder(name)) return std::string(name);
  }
  return std::string(stem);
}

size_t first_operand(std::span<const std::string> args, size_t from,
                     std::initializer_list<std::string_view> with_value) {
  for (size_t i = from; i < args.size(); ++i) {
    if (args[i] == "--") return std::min(i + 1, args.size());
    if (args[i].size() < 2 || args[i][0] != '-') return i;
    if (one_of(args[i], with_value)) ++i;
  }
  return args.size();
}

std::string script_name(const Launch& launch, std::string_view script) {
  const auto path = absolute_path(script, launch.cwd);
  const auto stem =
      without_suffix(base_name(script), {".py", ".pyc", ".pyz", ".mjs", ".cjs", ".js", ".ts", ".rb",
                                         ".php", ".dll", ".jar", ".pl", ".sh", ".exe"});
  return telling_name(stem, parent_of(path));
}

std::string_view bracketed(std::string_view title) {
  const size_t open = title.rfind('[');
  const size_t close = title.rfind(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return title.substr(open + 1, close - open - 1);
}

}  // namespace tacit::discovery
