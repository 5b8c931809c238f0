// SPDX-License-Identifier: Apache-2.0
// The one copy of each route's text, with a small number that stays the same while the agent lives.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tacit::semantics {

struct Route {
  std::string_view text;  // lives as long as the RouteNames; empty: no route
  uint32_t id = 0;        // 0: no route
};

// Bounded: beyond kMaxBytes of text new routes share kOther. Loop thread.
class RouteNames {
 public:
  static constexpr size_t kMaxBytes = size_t{4} << 20;
  static constexpr std::string_view kOther = "/{path}";

  RouteNames();

  Route intern(std::string_view text);
  Route other() const { return {names_[1], 1}; }
  Route at(uint32_t id) const { return {names_[id], id}; }
  size_t size() const { return names_.size() - 1; }

 private:
  std::deque<std::string> names_;  // by id; stable addresses
  std::unordered_map<std::string_view, uint32_t> ids_;
  size_t bytes_ = 0;
};

}  // namespace tacit::semantics
