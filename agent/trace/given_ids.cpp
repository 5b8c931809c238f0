// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/given_ids.h"

namespace tacit::trace {

void GivenIds::add(Kind kind, const RequestKey& request, const TraceContext& ids) {
  if (ages_.size() >= kMaxRequests) {
    ids_.erase(ages_.front());
    ages_.pop_front();
  }
  const Key key{kind, request};
  ids_.insert_or_assign(key, ids);
  ages_.push_back(key);
}

std::optional<TraceContext> GivenIds::take(Kind kind, const RequestKey& request) {
  if (ids_.empty()) return {};
  const auto found = ids_.find({kind, request});
  if (found == ids_.end()) return {};
  const TraceContext ids = found->second;
  ids_.erase(found);
  return ids;
}

}  // namespace tacit::trace
