// SPDX-License-Identifier: Apache-2.0
// Hands blocks over: through the static probe while somebody is attached to it, and into the file
// where one is named. One thread at a time, which holds no lock meanwhile: firing a probe may take
// as long as the kernel likes. The sequence number is given here.
#pragma once
#include <cstdint>

#include "cupti/figures.h"
#include "cupti/outbox.h"

namespace tacit::cupti {

class Courier {
 public:
  Courier(Figures& figures, Outbox& outbox) : figures_(figures), outbox_(outbox) {}
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // Appends to `file` from now on, where it is not empty and can be opened.
  void open(const char* file);
  // Somebody wants blocks at this moment.
  bool is_wanted() const;
  // Hands over what is finished, also what is not quite full if `unfinished_too`. First come all
  // names, when somebody has newly attached, and again every minute in case the ring lost some.
  void deliver(bool unfinished_too);
  // An empty block, if the state is not the one last told or nothing was said for kSilence_ns.
  void announce();

 private:
  static constexpr uint64_t kSilence_ns = 5'000'000'000;
  static constexpr uint64_t kNamesAgain_ns = 60'000'000'000;

  void tell_names();
  void hand_over(GpuBlock& block);
  void write_file(const GpuBlock& block);

  Figures& figures_;
  Outbox& outbox_;
  int file_ = -1;
  bool was_watched_ = false;
  uint64_t sequence_ = 0;
  uint64_t last_ns_ = 0;
  uint64_t names_told_ns_ = 0;
  uint32_t told_state_ = GPU_TRACER_STATE_COUNT;  // none
  GpuBlock own_{};  // names again, and empty ones
};

}  // namespace tacit::cupti
