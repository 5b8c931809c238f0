// SPDX-License-Identifier: Apache-2.0
// What has been learned of one service's paths: a tree of segments. Parameters are found by form
// (route_segment.h) and by growth: a position whose distinct values keep coming is a parameter.
// Loop thread. Bounded: at most kMaxNodes nodes are ever made, none is reused.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/semantics/route_names.h"
#include "agent/semantics/route_segment.h"

namespace tacit::semantics {

class RouteTree {
 public:
  static constexpr uint32_t kMaxNodes = 4096;
  static constexpr uint32_t kMaxDepth = 24;  // what lies deeper shares RouteNames::kOther

  // Growth. Fewer siblings than kPlainSiblings words, or kValueLikeSiblings value-like words,
  // never merge. From there words merge if since the last look at least one of kRevisits
  // visits brought a new word; from kMaxSiblings on in any case.
  static constexpr uint32_t kValueLikeSiblings = 16;
  static constexpr uint32_t kPlainSiblings = 100;
  static constexpr uint32_t kLookAgain = 50;
  static constexpr uint32_t kRevisits = 8;
  static constexpr uint32_t kMaxSiblings = 1000;

  static constexpr uint32_t kNone = UINT32_MAX;  // never learned
  static constexpr uint32_t kFull = UINT32_MAX - 1;  // no room to learn it, or too deep

  explicit RouteTree(uint64_t hash_seed);

  // The node at the end of `path` (which begins with '/') where a request that taught ended
  // before, else kNone or kFull. Counts a visit.
  uint32_t find(std::string_view path);
  // As find, and learns what is new. Changes generation() where positions were merged.
  uint32_t learn(std::string_view path);
  // Another visit of a node that find or learn gave, while generation() is the same.
  void visit(uint32_t node) { ++nodes_[node].visits; }

  Route route(uint32_t node, RouteNames& names);
  uint32_t generation() const { return generation_; }
  uint32_t node_count() const { return static_cast<uint32_t>(nodes_.size()); }

 private:
  struct Node {
    std::string segment;
    uint32_t parent = kNone;
    uint32_t first_child = kNone;
    uint32_t next_sibling = kNone;
    uint32_t route_id = 0;      // 0: not named yet
    uint32_t look_at = kPlainSiblings;  // plain children at which growth is judged next
    uint32_t seen_children = 0;         // at the last look
    uint64_t seen_visits = 0;
    uint64_t visits = 0;        // requests that ended here
    SegmentKind kind = SegmentKind::kStatic;
    bool terminal = false;
    bool words_merged = false;        // new words are {value}
    bool value_likes_merged = false;  // new value-like words are {value}
  };

  uint32_t walk(std::string_view path, bool create, bool& grown);
  uint32_t child(uint32_t parent, std::string_view segment) const;
  uint32_t make_child(uint32_t parent, const Segment& segment);
  uint32_t slot_of(uint32_t parent, std::string_view segment) const;
  void insert_slot(uint32_t node);
  void rebuild();

  bool judge_growth(uint32_t node);
  uint64_t visits_below(uint32_t node) const;
  bool merge_children(uint32_t node, SegmentKind kind, uint64_t keep_visits);
  void absorb(uint32_t into, uint32_t from);
  void unlink(uint32_t node);
  void link(uint32_t node, uint32_t parent);

  std::vector<Node> nodes_;       // [0] is the root
  std::vector<uint32_t> slots_;   // open addressing by (parent, segment); kNone: free
  uint64_t seed_;
  uint32_t generation_ = 0;
};

}  // namespace tacit::semantics
