// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_tree.h"

#include <algorithm>
#include <cstring>

namespace tacit::semantics {
namespace {

// Seeded, so that nobody outside can prepare paths that collide.
uint64_t hash_segment(uint64_t seed, uint32_t parent, std::string_view text) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  const auto fold = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t hash = fold(seed ^ parent, kOdd) ^ text.size();
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = fold(hash ^ word, kOdd ^ seed);
    text.remove_prefix(8);
  }
  uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  return fold(hash ^ word, kOdd ^ seed);
}

}  // namespace

RouteTree::RouteTree(uint64_t hash_seed) : slots_(64, kNone), seed_(hash_seed | 1) {
  nodes_.emplace_back();
}

uint32_t RouteTree::find(std::string_view path) {
  bool grown = false;
  const uint32_t node = walk(path, false, grown);
  if (node >= kFull) return node;
  if (!nodes_[node].terminal) return kNone;
  visit(node);
  return node;
}

uint32_t RouteTree::learn(std::string_view path) {
  bool grown = false;
  uint32_t node = walk(path, true, grown);
  if (node >= kFull) return node;
  nodes_[node].terminal = true;
  visit(node);
  if (!grown) return node;
  bool merged = false;
  // From the end to the root: each position that got a new child is judged once.
  for (uint32_t at = nodes_[node].parent; at != kNone; at = nodes_[at].parent) {
    if (judge_growth(at)) merged = true;
  }
  if (!merged) return node;
  rebuild();
  return walk(path, false, grown);
}

uint32_t RouteTree::walk(std::string_view path, bool create, bool& grown) {
  if (!path.empty() && path[0] == '/') path.remove_prefix(1);
  uint32_t node = 0;
  for (uint32_t depth = 0;; ++depth) {
    if (depth == kMaxDepth) return kFull;
    const size_t end = std::min(path.find('/'), path.size());
    SegmentScratch scratch;
    Segment segment = classify_segment(path.substr(0, end), scratch);
    uint32_t next = child(node, segment.text);
    if (next == kNone && segment.kind != SegmentKind::kPlaceholder) {
      const Node& at = nodes_[node];
      if (at.words_merged || (at.value_likes_merged && segment.kind == SegmentKind::kValueLike)) {
        segment = {SegmentKind::kPlaceholder, kValuePlaceholder};
        next = child(node, segment.text);
      }
    }
    if (next == kNone) {
      if (!create) return kNone;
      if (nodes_.size() >= kMaxNodes) return kFull;
      next = make_child(node, segment);
      grown = true;
    }
    node = next;
    if (end == path.size()) return node;
    path.remove_prefix(end + 1);
  }
}

uint32_t RouteTree::slot_of(uint32_t parent, std::string_view segment) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash_segment(seed_, parent, segment) & mask;
  while (slots_[slot] != kNone) {
    const Node& node = nodes_[slots_[slot]];
    if (node.parent == parent && node.segment == segment) break;
    slot = (slot + 1) & mask;
  }
  return static_cast<uint32_t>(slot);
}

uint32_t RouteTree::child(uint32_t parent, std::string_view segment) const {
  return slots_[slot_of(parent, segment)];
}

void RouteTree::insert_slot(uint32_t node) {
  slots_[slot_of(nodes_[node].parent, nodes_[node].segment)] = node;
}

uint32_t RouteTree::make_child(uint32_t parent, const Segment& segment) {
  const auto node = static_cast<uint32_t>(nodes_.size());
  Node& made = nodes_.emplace_back();
  made.segment = segment.text;
  made.kind = segment.kind;
  link(node, parent);
  if (nodes_.size() * 2 > slots_.size()) {
    rebuild();
  } else {
    insert_slot(node);
  }
  return node;
}

void RouteTree::rebuild() {
  size_t size = slots_.size();
  while (nodes_.size() * 2 > size) size *= 2;
  slots_.assign(size, kNone);
  for (uint32_t node = 1; node < nodes_.size(); ++node) {
    if (nodes_[node].parent != kNone) insert_slot(node);  // not what a merge left behind
  }
}

void RouteTree::link(uint32_t node, uint32_t parent) {
  nodes_[node].parent = parent;
  nodes_[node].next_sibling = nodes_[parent].first_child;
  nodes_[parent].first_child = node;
}

void RouteTree::unlink(uint32_t node) {
  uint32_t* at = &nodes_[nodes_[node].parent].first_child;
  while (*at != node) at = &nodes_[*at].next_sibling;
  *at = nodes_[node].next_sibling;
  nodes_[node].parent = kNone;
}

uint64_t RouteTree::visits_below(uint32_t node) const {
  uint64_t visits = nodes_[node].visits;
  for (uint32_t at = nodes_[node].first_child; at != kNone; at = nodes_[at].next_sibling) {
    visits += visits_below(at);  // no deeper than kMaxDepth
  }
  return visits;
}

bool RouteTree::judge_growth(uint32_t node) {
  uint32_t words = 0;
  uint32_t value_likes = 0;
  for (uint32_t at = nodes_[node].first_child; at != kNone; at = nodes_[at].next_sibling) {
    if (nodes_[at].kind == SegmentKind::kStatic) ++words;
    if (nodes_[at].kind == SegmentKind::kValueLike) ++value_likes;
  }
  bool merged = false;
  if (value_likes >= kValueLikeSiblings) {
    merged = merge_children(node, SegmentKind::kValueLike, UINT64_MAX);
    if (merged) nodes_[node].value_likes_merged = true;
  }
  if (words < nodes_[node].look_at) return merged;
  const uint64_t visits = visits_below(node);
  const uint64_t new_words = words - nodes_[node].seen_children;
  const bool growing = visits - nodes_[node].seen_visits <= new_words * kRevisits;
  if (growing || words >= kMaxSiblings) {
    // A word that a twentieth of all requests name (/users/me) is no passing value.
    const uint64_t keep_visits = std::max<uint64_t>(visits / 20, 16);
    if (!merge_children(node, SegmentKind::kStatic, keep_visits)) return merged;
    nodes_[node].words_merged = true;
    nodes_[node].look_at = UINT32_MAX;
    return true;
  }
  nodes_[node].look_at = words + kLookAgain;
  nodes_[node].seen_children = words;
  nodes_[node].seen_visits = visits;
  return merged;
}

// Children of that kind with fewer visits than keep_visits become one {value}. False: no room.
bool RouteTree::merge_children(uint32_t node, SegmentKind kind, uint64_t keep_visits) {
  uint32_t value = kNone;
  std::vector<uint32_t> merging;
  for (uint32_t at = nodes_[node].first_child; at != kNone; at = nodes_[at].next_sibling) {
    if (nodes_[at].kind == SegmentKind::kPlaceholder && nodes_[at].segment == kValuePlaceholder) {
      value = at;
    } else if (nodes_[at].kind == kind && visits_below(at) < keep_visits) {
      merging.push_back(at);
    }
  }
  if (value == kNone) {
    if (nodes_.size() >= kMaxNodes) return false;
    value = make_child(node, {SegmentKind::kPlaceholder, kValuePlaceholder});
  }
  for (const uint32_t from : merging) absorb(value, from);
  for (Node& named : nodes_) named.route_id = 0;
  ++generation_;
  return true;
}

// Moves what is known below and of `from` to `into`; `from` is dead afterwards. Siblings are
// searched by list: the slots do not follow until rebuild().
void RouteTree::absorb(uint32_t into, uint32_t from) {
  nodes_[into].visits += nodes_[from].visits;
  nodes_[into].terminal = nodes_[into].terminal || nodes_[from].terminal;
  nodes_[into].words_merged = nodes_[into].words_merged || nodes_[from].words_merged;
  nodes_[into].value_likes_merged =
      nodes_[into].value_likes_merged || nodes_[from].value_likes_merged;
  while (nodes_[from].first_child != kNone) {
    const uint32_t moved = nodes_[from].first_child;
    uint32_t same = nodes_[into].first_child;
    while (same != kNone && nodes_[same].segment != nodes_[moved].segment) {
      same = nodes_[same].next_sibling;
    }
    if (same != kNone) {
      absorb(same, moved);
    } else {
      unlink(moved);
      link(moved, into);
    }
  }
  unlink(from);
  nodes_[from].segment = std::string();
}

Route RouteTree::route(uint32_t node, RouteNames& names) {
  if (nodes_[node].route_id != 0) return names.at(nodes_[node].route_id);
  std::vector<uint32_t> path;
  for (uint32_t at = node; at != 0; at = nodes_[at].parent) path.push_back(at);
  std::string text;
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    text += '/';
    text += nodes_[*at].segment;
  }
  const Route route = names.intern(text);
  nodes_[node].route_id = route.id;
  return route;
}

}  // namespace tacit::semantics
