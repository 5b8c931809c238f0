// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/collective_groups.h"

#include <algorithm>
#include <set>

namespace tacit::gpu {
namespace {

constexpr uint64_t kUnitNs = uint64_t{1} << CUDA_OPERATION_TIME_SHIFT;

// The newest time that is not after `now_ns` and has these lower bits.
uint64_t whole_time_ns(uint32_t units, uint64_t now_ns) {
  const uint64_t now_units = now_ns >> CUDA_OPERATION_TIME_SHIFT;
  const uint64_t age_units = static_cast<uint32_t>(now_units) - units;
  return age_units > now_units ? 0 : (now_units - age_units) << CUDA_OPERATION_TIME_SHIFT;
}

// Of the operations from `from` on, in order; 0: lost. What was overwritten while it was read, or is left
// from long before, is out of order.
std::vector<uint64_t> times_of(const cuda_communicator& state, uint64_t from, uint64_t at_least_ns,
                               uint64_t now_ns) {
  std::vector<uint64_t> times(state.operations - from);
  uint64_t at_most_ns = now_ns;
  for (size_t i = times.size(); i > 0 && times.size() - i < CUDA_OPERATION_TIMES; --i) {
    const uint64_t operation = from + i - 1;
    const uint64_t time_ns =
        whole_time_ns(state.times[operation % CUDA_OPERATION_TIMES], now_ns);
    if (time_ns > at_most_ns || time_ns + kUnitNs < at_least_ns) continue;
    times[i - 1] = at_most_ns = time_ns;
  }
  return times;
}

}  // namespace

std::optional<uint64_t> CollectiveGroups::Rank::time_of(uint64_t operation) const {
  if (operation < first || operation >= operations() || pending[operation - first] == 0)
    return std::nullopt;
  return pending[operation - first];
}

void CollectiveGroups::Rank::pop(bool counts) {
  pending.pop_front();
  ++first;
  if (counts) ++figures.unmatched;
}

void CollectiveGroups::read(Rank& rank, const cuda_communicator& state, uint64_t now_ns) {
  rank.miscounts |= state.failed != 0;
  const uint64_t known = rank.operations();
  if (state.operations < known) {  // no count of ours goes back
    rank.miscounts = true;
    return;
  }
  uint64_t from = known;
  // More than can be kept, as a hostile process may say: what is beyond is given up as a whole.
  if (state.operations - known > CUDA_OPERATION_TIMES + kMaxPending) {
    from = state.operations - CUDA_OPERATION_TIMES;
    if (rank.figures.observed_ranks > 1) rank.figures.unmatched += from - rank.first;
    rank.pending.clear();
    rank.first = from;
  }
  for (const uint64_t time_ns : times_of(state, from, rank.newest_ns, now_ns)) {
    rank.newest_ns = std::max(rank.newest_ns, time_ns);
    rank.pending.push_back(time_ns);
  }
}

CollectiveGroups::Rank& CollectiveGroups::known(const event::CudaCommunicator& communicator) {
  const cuda_communicator& state = communicator.state;
  Rank& rank = ranks_[Key{communicator.pid, state.number}];
  if (rank.created_ns == state.created_ns) return rank;
  rank = Rank{};  // also where another process has this number now
  rank.created_ns = rank.newest_ns = state.created_ns;
  rank.group = state.group;
  rank.figures.pid = communicator.pid;
  rank.figures.number = state.number;
  rank.figures.ranks = state.ranks;
  rank.figures.rank = state.rank;
  return rank;
}

void CollectiveGroups::update(const std::vector<event::CudaCommunicator>& communicators,
                              uint64_t now_ns) {
  std::set<Key> seen, ended;
  std::map<uint64_t, Group> groups;
  for (const auto& each : communicators) {
    const Key key{each.pid, each.state.number};
    if (!seen.insert(key).second) continue;  // a table that changes is read twice in part
    Rank& rank = known(each);
    read(rank, each.state, now_ns);
    if (!rank.miscounts) groups[rank.group].push_back(&rank);
    rank.figures.observed_ranks = 1;
    rank.figures.behind.reset();
    rank.figures.behind_since_ns.reset();
    if (each.state.ended != 0) ended.insert(key);
  }
  for (const auto& [id, group] : groups) {
    uint64_t newest_ns = 0;
    for (Rank* rank : group) {
      rank->figures.observed_ranks = static_cast<uint32_t>(group.size());
      newest_ns = std::max(newest_ns, rank->created_ns);
    }
    const bool complete = group.size() >= group.front()->figures.ranks && group.front()->figures.ranks != 0;
    if (group.size() > 1 && (complete || now_ns > newest_ns + kGatherNs)) settle(group);
    if (group.size() > 1) find_behind(group);
  }
  std::erase_if(ranks_, [&](const auto& entry) {
    return !seen.contains(entry.first) || ended.contains(entry.first);
  });
  for (auto& [key, rank] : ranks_) {
    const bool alone = rank.figures.observed_ranks < 2;  // it has nothing to be compared with
    while (rank.pending.size() > kMaxPending) rank.pop(!alone);
  }
}

void CollectiveGroups::settle(const Group& group) {
  for (;;) {
    uint64_t next = UINT64_MAX, last_first = 0, fewest = UINT64_MAX;
    for (const Rank* rank : group) {
      next = std::min(next, rank->first);
      last_first = std::max(last_first, rank->first);
      fewest = std::min(fewest, rank->operations());
    }
    if (next == last_first) {
      if (next == fewest) return;  // somebody has not enqueued it yet
      compare(group);
      continue;
    }
    // One of them has no time of this operation any more: of those that have, it is given up.
    for (Rank* rank : group)
      while (rank->first < last_first && !rank->pending.empty()) rank->pop(true);
    const bool waits = std::any_of(group.begin(), group.end(), [&](const Rank* rank) {
      return rank->first < last_first;
    });
    if (waits) return;
  }
}

// Each rank's first pending operation is the same one.
void CollectiveGroups::compare(const Group& group) {
  uint64_t first_ns = UINT64_MAX, last_ns = 0;
  for (const Rank* rank : group) {
    first_ns = std::min(first_ns, rank->pending.front());
    last_ns = std::max(last_ns, rank->pending.front());
  }
  for (Rank* rank : group) {
    if (first_ns != 0) {  // else somebody's was lost
      rank->figures.late_ns += rank->pending.front() - first_ns;
      rank->figures.stall_ns += last_ns - rank->pending.front();
      ++rank->figures.compared;
    }
    rank->pop(first_ns == 0);
  }
}

void CollectiveGroups::find_behind(const Group& group) {
  const Rank* foremost = *std::max_element(
      group.begin(), group.end(),
      [](const Rank* a, const Rank* b) { return a->operations() < b->operations(); });
  for (Rank* rank : group) {
    rank->figures.behind = foremost->operations() - rank->operations();
    if (*rank->figures.behind == 0) continue;
    if (rank->missing != rank->operations()) {
      rank->missing = rank->operations();
      rank->missing_since_ns = foremost->time_of(rank->missing);
    }
    rank->figures.behind_since_ns = rank->missing_since_ns;
  }
}

std::vector<RankFigures> CollectiveGroups::figures() const {
  std::vector<RankFigures> all;
  all.reserve(ranks_.size());
  for (const auto& [key, rank] : ranks_) all.push_back(rank.figures);
  return all;
}

}  // namespace tacit::gpu
