// SPDX-License-Identifier: Apache-2.0
// Ids that were given to requests before they were seen here: by the kernel side, which sends them to
// other hosts, and by other hosts' agents. Kept until the request is seen, or others push them out.
// Loop thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "agent/trace/request_key.h"
#include "agent/trace/trace_context.h"

namespace tacit::trace {

class GivenIds {
 public:
  enum class Kind : uint8_t {
    kBegun,    // a served request begins this trace, unless it has a parent
    kCall,     // a call has this trace and span id
    kArrived,  // a served request is this span's child
  };

  void add(Kind kind, const RequestKey& request, const TraceContext& ids);
  std::optional<TraceContext> take(Kind kind, const RequestKey& request);
  size_t size() const { return ids_.size(); }

  static constexpr size_t kMaxRequests = 16384;

 private:
  struct Key {
    Kind kind;
    RequestKey request;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return RequestKeyHash{}(key.request) * 3 + static_cast<size_t>(key.kind);
    }
  };
  std::unordered_map<Key, TraceContext, KeyHash> ids_;
  std::deque<Key> ages_;  // oldest first; may name ids that were taken
};

}  // namespace tacit::trace
