// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_pattern.h"

#include <algorithm>
#include <utility>

namespace tacit::semantics {

RoutePattern::RoutePattern(std::string text) : text_(std::move(text)) {
  std::string_view rest = text_;
  if (!rest.empty() && rest[0] == '/') rest.remove_prefix(1);
  while (true) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    const bool braces = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    const bool last = end == rest.size();
    if (last && (segment == "**" || (braces && segment.ends_with(":path}")))) {
      pieces_.push_back({Part::kRest, {}});
    } else if (segment == "*" || braces) {
      pieces_.push_back({Part::kOne, {}});
    } else {
      pieces_.push_back({Part::kLiteral, std::string(segment)});
    }
    if (last) return;
    rest.remove_prefix(end + 1);
  }
}

bool RoutePattern::matches(std::string_view path) const {
  if (path.empty() || path[0] != '/') return false;
  path.remove_prefix(1);
  bool more = true;  // a segment, perhaps empty, is left
  for (const Piece& piece : pieces_) {
    if (piece.part == Part::kRest) return true;
    if (!more) return false;
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (piece.part == Part::kLiteral ? segment != piece.literal : segment.empty()) return false;
    more = end < path.size();
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return !more;
}

}  // namespace tacit::semantics
