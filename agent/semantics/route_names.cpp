// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_names.h"

namespace tacit::semantics {

RouteNames::RouteNames() {
  names_.emplace_back();
  intern(kOther);
}

Route RouteNames::intern(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) {
    return {found->first, found->second};
  }
  if (bytes_ + text.size() > kMaxBytes) return other();
  bytes_ += text.size();
  const auto id = static_cast<uint32_t>(names_.size());
  const std::string& name = names_.emplace_back(text);
  ids_.emplace(name, id);
  return {name, id};
}

}  // namespace tacit::semantics
