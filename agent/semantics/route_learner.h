// SPDX-License-Identifier: Apache-2.0
// http.route for services whose source nobody read: the user's patterns first, else what the
// service's own traffic taught (route_tree.h).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/semantics/route_names.h"
#include "agent/semantics/route_pattern.h"
#include "agent/semantics/route_tree.h"

namespace tacit::semantics {

// Loop thread. Bounded whatever the paths are: kMaxServices trees of RouteTree::kMaxNodes nodes,
// kMaxNodes together; beyond that a path is RouteNames::kOther. Names outlive forget().
class RouteLearner {
 public:
  static constexpr size_t kMaxServices = 1024;
  static constexpr size_t kMaxNodes = 65'536;

  // Patterns are tried in order, for every service.
  explicit RouteLearner(const std::vector<std::string>& user_patterns);

  // `service` groups processes that serve the same paths: take a hash of the service's name, so
  // that workers and restarts share what was learned. `path` is a URL path as sent; one that does
  // not begin with '/' has no route. A 404 is told from scanners' noise: it teaches nothing, and
  // has a route only where another answer taught that route before. The steady state allocates
  // nothing.
  Route route(uint64_t service, std::string_view path, int status);

  // The service is gone for good: its tree is freed.
  void forget(uint64_t service);

  size_t node_count() const { return node_count_; }
  size_t route_count() const { return names_.size(); }

 private:
  // Paths seen last, whole. Small enough to stay in a processor's cache: paths with ids in them
  // hardly ever come back, and must not cost more than the walk through the tree.
  static constexpr size_t kCacheEntries = 1024;  // power of two
  static constexpr size_t kMaxCachedBytes = 71;

  struct CacheEntry {
    uint64_t hash = 0;
    uint64_t service = 0;
    RouteTree* tree = nullptr;  // null: a user pattern
    Route route;                // id 0: entry is free
    uint32_t generation = 0;
    uint32_t node = RouteTree::kNone;
    uint8_t size = 0;
    std::array<char, kMaxCachedBytes> path;

    std::string_view text() const { return {path.data(), size}; }
  };

  RouteTree* tree_of(uint64_t service);
  Route learned(RouteTree& tree, std::string_view path, int status, uint32_t& node);

  std::vector<RoutePattern> patterns_;
  RouteNames names_;
  std::unordered_map<uint64_t, std::unique_ptr<RouteTree>> trees_;
  std::vector<CacheEntry> cache_;
  uint64_t seed_;
  size_t node_count_ = 0;  // of all trees
};

}  // namespace tacit::semantics
