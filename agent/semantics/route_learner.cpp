// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_learner.h"

#include <sys/random.h>

#include <algorithm>
#include <functional>

#include "agent/base/clock.h"

namespace tacit::semantics {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = monotonic_ns();
  return seed;
}

}  // namespace

RouteLearner::RouteLearner(const std::vector<std::string>& user_patterns)
    : patterns_(user_patterns.begin(), user_patterns.end()),
      cache_(kCacheEntries),
      seed_(random_seed()) {}

Route RouteLearner::route(uint64_t service, std::string_view path, int status) {
  if (path.empty() || path[0] != '/') return {};
  const uint64_t hash = std::hash<std::string_view>{}(path) ^ (service * 0x9E3779B97F4A7C15ULL);
  CacheEntry& entry = cache_[(hash ^ (hash >> 32)) & (kCacheEntries - 1)];
  const bool known = entry.route.id != 0 && entry.hash == hash && entry.service == service &&
                     entry.text() == path;
  if (known) {
    if (entry.tree == nullptr) return entry.route;
    if (entry.generation == entry.tree->generation()) {
      entry.tree->visit(entry.node);
      return entry.route;
    }
  }
  Route route;
  RouteTree* tree = nullptr;
  uint32_t node = RouteTree::kNone;
  const auto pattern = std::find_if(patterns_.begin(), patterns_.end(),
                                    [&](const RoutePattern& p) { return p.matches(path); });
  if (pattern != patterns_.end()) {
    route = names_.intern(pattern->text());
  } else {
    tree = tree_of(service);
    if (tree == nullptr) return status == 404 ? Route{} : names_.other();
    route = learned(*tree, path, status, node);
    if (node == RouteTree::kNone) return route;
  }
  if (path.size() <= kMaxCachedBytes) {
    std::copy(path.begin(), path.end(), entry.path.begin());
    entry.size = static_cast<uint8_t>(path.size());
    entry.hash = hash;
    entry.service = service;
    entry.route = route;
    entry.tree = tree;
    entry.node = node;
    entry.generation = tree ? tree->generation() : 0;
  }
  return route;
}

// `node` stays kNone where the answer must not be remembered.
Route RouteLearner::learned(RouteTree& tree, std::string_view path, int status, uint32_t& node) {
  const bool teaches = status != 404 && node_count_ < kMaxNodes;
  const uint32_t known = tree.node_count();
  const uint32_t found = teaches ? tree.learn(path) : tree.find(path);
  node_count_ += tree.node_count() - known;
  if (found < RouteTree::kFull) {
    node = found;
    return tree.route(found, names_);
  }
  return status == 404 ? Route{} : names_.other();
}

RouteTree* RouteLearner::tree_of(uint64_t service) {
  if (const auto found = trees_.find(service); found != trees_.end()) return found->second.get();
  if (trees_.size() >= kMaxServices) return nullptr;
  RouteTree* tree = trees_.emplace(service, std::make_unique<RouteTree>(seed_)).first->second.get();
  node_count_ += tree->node_count();
  return tree;
}

void RouteLearner::forget(uint64_t service) {
  const auto found = trees_.find(service);
  if (found == trees_.end()) return;
  for (CacheEntry& entry : cache_) {
    if (entry.tree == found->second.get()) entry.route = {};
  }
  node_count_ -= found->second->node_count();
  trees_.erase(found);
}

}  // namespace tacit::semantics
