// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/interval_union.h"

#include <algorithm>

namespace tacit::gpu {
namespace {

// What a merge costs at most is shared by so many.
constexpr size_t kPending = 256;

}  // namespace

void IntervalUnion::add(uint64_t begin_ns, uint64_t end_ns) {
  if (begin_ns >= end_ns) return;
  if (begin_ns < sealed_until_) {
    late_ns_ += std::min(end_ns, sealed_until_) - begin_ns;
    if (end_ns <= sealed_until_) return;
    begin_ns = sealed_until_;
  }
  const Interval next{begin_ns, end_ns};
  if (pending_.empty() && (merged_.empty() || begin_ns >= merged_.back().begin)) {
    append(next);
    if (merged_.size() > limit_) seal(merged_.size() / 2);
    return;
  }
  pending_.push_back(next);
  if (pending_.size() >= std::min(kPending, limit_)) merge_pending();
}

// `next` begins no earlier than the last.
void IntervalUnion::append(const Interval& next) {
  if (merged_.empty() || next.begin > merged_.back().end) {
    merged_.push_back(next);
    merged_ns_ += next.end - next.begin;
  } else if (next.end > merged_.back().end) {
    merged_ns_ += next.end - merged_.back().end;
    merged_.back().end = next.end;
  }
}

void IntervalUnion::merge_pending() {
  if (pending_.empty()) return;
  const auto by_begin = [](const Interval& a, const Interval& b) { return a.begin < b.begin; };
  std::sort(pending_.begin(), pending_.end(), by_begin);
  const auto from = std::lower_bound(
      merged_.begin(), merged_.end(), pending_.front().begin,
      [](const Interval& each, uint64_t begin) { return each.end < begin; });
  tail_.assign(from, merged_.end());
  merged_.erase(from, merged_.end());
  for (const auto& each : tail_) merged_ns_ -= each.end - each.begin;
  auto old = tail_.begin();
  for (const auto& each : pending_) {
    for (; old != tail_.end() && old->begin <= each.begin; ++old) append(*old);
    append(each);
  }
  for (; old != tail_.end(); ++old) append(*old);
  pending_.clear();
  if (merged_.size() > limit_) seal(merged_.size() - limit_ / 2);
}

void IntervalUnion::seal(size_t count) {
  if (count == 0) return;
  const auto end = merged_.begin() + static_cast<ptrdiff_t>(count);
  for (auto each = merged_.begin(); each != end; ++each) {
    sealed_ns_ += each->end - each->begin;
    merged_ns_ -= each->end - each->begin;
  }
  sealed_until_ = std::max(sealed_until_, (end - 1)->end);
  merged_.erase(merged_.begin(), end);
}

void IntervalUnion::set_limit(size_t limit) {
  limit_ = limit;
  merge_pending();
  if (merged_.size() <= limit_) return;
  seal(merged_.size() - limit_ / 2);
  merged_.shrink_to_fit();
}

void IntervalUnion::seal_before(uint64_t time_ns) {
  merge_pending();
  const auto end = std::lower_bound(
      merged_.begin(), merged_.end(), time_ns,
      [](const Interval& each, uint64_t time) { return each.end <= time; });
  seal(static_cast<size_t>(end - merged_.begin()));
}

uint64_t IntervalUnion::covered_ns() {
  merge_pending();
  return sealed_ns_ + merged_ns_;
}

std::optional<uint64_t> IntervalUnion::covered_ns(uint64_t begin_ns, uint64_t end_ns) {
  merge_pending();
  if (begin_ns < sealed_until_) return std::nullopt;
  uint64_t sum = 0;
  auto each = std::lower_bound(merged_.begin(), merged_.end(), begin_ns,
                               [](const Interval& one, uint64_t begin) { return one.end <= begin; });
  for (; each != merged_.end() && each->begin < end_ns; ++each)
    sum += std::min(each->end, end_ns) - std::max(each->begin, begin_ns);
  return sum;
}

}  // namespace tacit::gpu
