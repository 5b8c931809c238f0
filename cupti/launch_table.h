// SPDX-License-Identifier: Apache-2.0
// Who made an API call and when, by CUPTI's correlation id: one fixed table in which a new call
// takes the place of the one kSlots ids before it. Any thread writes (the launch callback) and any
// thread reads (completed buffers); nobody waits. A reader never gets the time of another call: the
// key carries the whole id and the low bits of the time, and is taken away while the pair changes.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cupti/mapped_array.h"

namespace tacit::cupti {

struct Launch {
  uint64_t time_ns = 0;
  uint32_t tid = 0;
};

class LaunchTable {
 public:
  // 2 MiB. Ids are given to every API call, so this is some half second at 200,000 calls a second.
  static constexpr size_t kSlots = size_t{1} << 17;

  bool map() { return slots_.map(kSlots); }
  // The id was noted already: a driver call inside a runtime call has the runtime call's id.
  bool holds(uint32_t correlation) const;
  void note(uint32_t correlation, uint32_t tid, uint64_t time_ns);
  // False: not seen, or overwritten since.
  bool find(uint32_t correlation, Launch& launch) const;

 private:
  struct Slot {
    std::atomic<uint64_t> key;  // id << 32 | tid << 10 | low 10 bits of the time; 0: empty
    std::atomic<uint64_t> time_ns;
  };
  Slot& slot(uint32_t correlation) const { return slots_[correlation & (kSlots - 1)]; }

  MappedArray<Slot> slots_;
};

}  // namespace tacit::cupti
