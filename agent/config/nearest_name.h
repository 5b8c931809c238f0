// SPDX-License-Identifier: Apache-2.0
// "Did you mean …?": the known name that a mistyped one is closest to. Pure functions.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace tacit::config {

// Levenshtein distance. Both texts are cut at 64 bytes: names are shorter, and it bounds the work.
size_t edit_distance(std::string_view a, std::string_view b);

// The closest of `known`, or empty where none is near (more than a third of its bytes differ).
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

// "; did you mean X?" or nothing. For the end of an error message.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace tacit::config
