// SPDX-License-Identifier: Apache-2.0
// The ranks of NCCL's communicators on this host, joined: the n-th collective operation of one rank is
// the n-th of each other, so the times at which they enqueued it tell who was late and who waited.
// Times are the host's: of the calls, not of what the devices did. What is read was said by processes:
// one that claims another's group spoils the figures of that group, and memory stays bounded.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/event/cuda_counts.h"

namespace tacit::gpu {

// Of one communicator of one process. What is summed starts when the communicator is made.
struct RankFigures {
  uint32_t pid = 0;
  uint64_t number = 0;         // of the communicator in its process
  uint32_t ranks = 0;          // of the group, as the process said; 0: not known
  int32_t rank = -1;           // -1: not known
  uint32_t observed_ranks = 0;  // of the group, on this host, itself among them
  uint64_t compared = 0;       // operations that went into the next two
  uint64_t late_ns = 0;        // from the first rank's enqueue to this one's
  uint64_t stall_ns = 0;       // from this one's to the last rank's
  uint64_t unmatched = 0;      // operations that could not be compared, as a time was lost
  // As last read; nullopt: the only rank that is observed, or its operations can no longer be counted.
  std::optional<uint64_t> behind;  // operations that the foremost rank has enqueued and this one not
  std::optional<uint64_t> behind_since_ns;  // when that rank enqueued the first of these; CLOCK_MONOTONIC
};

// One owner that locks.
class CollectiveGroups {
 public:
  // The ranks of a group are made at one time, but not at one moment: before it is over, an operation of
  // those that were read is not taken for one of all.
  static constexpr uint64_t kGatherNs = 1'000'000'000;
  // Operations of a rank that wait for the others'; what comes before is given up.
  static constexpr size_t kMaxPending = 4096;

  // All communicators that there are now (those that are not are gone), and a time after they were read.
  // Again before a communicator has enqueued CUDA_OPERATION_TIMES more: what is beyond is unmatched.
  void update(const std::vector<event::CudaCommunicator>& communicators, uint64_t now_ns);

  bool empty() const { return ranks_.empty(); }
  std::vector<RankFigures> figures() const;  // by pid and number

 private:
  struct Rank {
    RankFigures figures;
    uint64_t created_ns = 0;
    uint64_t group = 0;
    bool miscounts = false;
    uint64_t first = 0;            // number of the first pending operation
    std::deque<uint64_t> pending;  // times; 0: lost
    uint64_t newest_ns = 0;
    // The operation that it is behind with, and since when: the foremost rank may give it up meanwhile.
    uint64_t missing = UINT64_MAX;
    std::optional<uint64_t> missing_since_ns;

    uint64_t operations() const { return first + pending.size(); }
    std::optional<uint64_t> time_of(uint64_t operation) const;
    void pop(bool counts);
  };
  using Key = std::pair<uint32_t, uint64_t>;  // pid, number
  using Group = std::vector<Rank*>;  // no rank twice

  Rank& known(const event::CudaCommunicator& communicator);
  static void read(Rank& rank, const cuda_communicator& state, uint64_t now_ns);
  static void settle(const Group& group);
  static void compare(const Group& group);
  static void find_behind(const Group& group);

  std::map<Key, Rank> ranks_;
};

}  // namespace tacit::gpu
