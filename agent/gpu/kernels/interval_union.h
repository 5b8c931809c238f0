// SPDX-License-Identifier: Apache-2.0
// How much time a set of intervals covers, each moment counted once, whatever order they come in.
// Bounded: beyond a number of separate intervals the oldest are sealed, which keeps their sum but lets
// nothing more be added before their end; what comes too late for that is told by late_ns().
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tacit::gpu {

class IntervalUnion {
 public:
  // `limit`: separate intervals kept (16 bytes each), at least 2.
  explicit IntervalUnion(size_t limit) : limit_(limit) {}

  // Amortised: some 10 ns where intervals come in order, below 1 us whatever comes.
  void add(uint64_t begin_ns, uint64_t end_ns);

  uint64_t covered_ns();  // so far; never falls
  // Within [begin, end); nullopt: it reaches into what is sealed.
  std::optional<uint64_t> covered_ns(uint64_t begin_ns, uint64_t end_ns);
  // Length of intervals, or parts of them, that came too late: at most so much is missing.
  uint64_t late_ns() const { return late_ns_; }

  void set_limit(size_t limit);
  // Gives up what ended before: for what nobody will add to any more.
  void seal_before(uint64_t time_ns);
  size_t size() const { return merged_.size(); }

 private:
  struct Interval {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  void append(const Interval& next);
  void merge_pending();
  void seal(size_t count);

  size_t limit_;
  std::vector<Interval> merged_;   // ascending, apart from each other
  std::vector<Interval> pending_;  // out of order, to be merged together
  std::vector<Interval> tail_;     // scratch
  uint64_t merged_ns_ = 0;         // of merged_
  uint64_t sealed_ns_ = 0;
  uint64_t sealed_until_ = 0;
  uint64_t late_ns_ = 0;
};

}  // namespace tacit::gpu
