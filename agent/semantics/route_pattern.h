// SPDX-License-Identifier: Apache-2.0
// A route that the user wrote: /items/{item_id}, /files/*, /static/**.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tacit::semantics {

// `{name}` and `*` match one non-empty segment; `**` and `{name:path}`, at the end, match all that
// is left, nothing included. All else matches literally. The route's name is the pattern's text.
class RoutePattern {
 public:
  explicit RoutePattern(std::string text);

  bool matches(std::string_view path) const;
  const std::string& text() const { return text_; }

 private:
  enum class Part { kLiteral, kOne, kRest };
  struct Piece {
    Part part;
    std::string literal;
  };

  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace tacit::semantics
