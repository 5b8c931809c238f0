// SPDX-License-Identifier: Apache-2.0
// How a program was started, and small readings of it that the runtimes share. Pure. Inside the
// discovery room only.
#pragma once
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tacit::discovery {

struct Launch {
  std::string exe;  // empty: not seen
  std::vector<std::string> args;
  std::string cwd;  // empty: not seen
  // A file as the process sees it, by absolute path; may be null.
  std::function<std::optional<std::string>(const std::string& path)> read;
};

std::string_view base_name(std::string_view path);
std::string_view without_suffix(std::string_view text,
                                std::initializer_list<std::string_view> suffixes);

// "a/../b", against `cwd` where relative; "" where that is not known.
std::string absolute_path(std::string_view path, std::string_view cwd);

// main, app, server …: a name that every second service has.
bool is_generic(std::string_view name);

// `stem`, or where it is generic the nearest telling folder at or above `folder` (two levels up at
// most, not a user's home), or `stem` after all.
std::string telling_name(std::string_view stem, std::string_view folder);

bool one_of(std::string_view text, std::initializer_list<std::string_view> list);

// Index of the first argument from `from` on that is no option. An option in `with_value` takes the
// next argument along. args.size(): none.
size_t first_operand(std::span<const std::string> args, size_t from,
                     std::initializer_list<std::string_view> with_value);

// The name of a script file: without its extension, by its folder where generic.
std::string script_name(const Launch& launch, std::string_view script);

// "gunicorn: master [shop.wsgi]" → "shop.wsgi": what a rewritten process title holds in brackets.
std::string_view bracketed(std::string_view title);

// One file each: the name that a runtime's command line tells, or empty.
std::string python_program(const Launch& launch);
std::string node_program(const Launch& launch);
std::string java_program(const Launch& launch);

}  // namespace tacit::discovery
