// SPDX-License-Identifier: Apache-2.0
// Lets std::unordered_map<std::string, …> be asked with a string_view, without a copy.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tacit {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <typename T>
using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

}  // namespace tacit
