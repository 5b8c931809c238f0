// SPDX-License-Identifier: Apache-2.0
#include "cupti/courier.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cupti/monotonic.h"
#include "cupti/usdt.h"

namespace tacit::cupti {

void Courier::open(const char* file) {
  if (file[0] != '\0') file_ = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool Courier::is_wanted() const { return file_ >= 0 || gpu_batch_is_watched(); }

void Courier::deliver(bool unfinished_too) {
  const bool watched = gpu_batch_is_watched();
  if (watched && (!was_watched_ || monotonic_ns() - names_told_ns_ > kNamesAgain_ns)) tell_names();
  if (watched && !was_watched_) told_state_ = GPU_TRACER_STATE_COUNT;  // who is new knows no state
  was_watched_ = watched;
  if (!watched && file_ < 0) return;
  while (GpuBlock* block = outbox_.take(unfinished_too)) {
    hand_over(*block);
    outbox_.release();
  }
}

void Courier::announce() {
  const uint32_t state = figures_.state.load(std::memory_order_acquire);
  if (state == told_state_ && monotonic_ns() - last_ns_ < kSilence_ns) return;
  if (!is_wanted()) return;
  own_.header.slots = 0;
  hand_over(own_);
}

void Courier::tell_names() {
  names_told_ns_ = monotonic_ns();
  const NameTable& names = outbox_.names();
  const uint32_t count = names.size();
  own_.header.slots = 0;
  for (uint32_t number = 1; number <= count; ++number) {
    const NameText text = names.text(number);
    if (own_.header.slots + slots_of_name(text) > GPU_BATCH_SLOTS) {
      hand_over(own_);
      own_.header.slots = 0;
    }
    own_.header.slots += write_name(own_.slots + own_.header.slots, number, text);
  }
  if (own_.header.slots != 0) hand_over(own_);
}

void Courier::hand_over(GpuBlock& block) {
  gpu_batch_header& header = block.header;
  header.magic = GPU_BATCH_MAGIC;
  header.sequence = sequence_++;
  header.time_ns = last_ns_ = monotonic_ns();
  header.dropped = figures_.dropped.load(std::memory_order_relaxed);
  header.invalid = figures_.invalid.load(std::memory_order_relaxed);
  header.overhead_ns = figures_.overhead_ns.load(std::memory_order_relaxed);
  header.state = told_state_ = figures_.state.load(std::memory_order_acquire);
  header.error = figures_.error.load(std::memory_order_relaxed);
  header.cupti_version = figures_.cupti_version.load(std::memory_order_relaxed);
  header.pad = 0;
  if (gpu_batch_is_watched()) fire_gpu_batch(&block, block.bytes());
  if (file_ >= 0) write_file(block);
}

// One write a block, so that several processes may append to one file. A file that takes no more
// is left alone from then on; half a block at its end is for the reader to see.
void Courier::write_file(const GpuBlock& block) {
  ssize_t written = 0;
  do {
    written = ::write(file_, &block, block.bytes());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(block.bytes())) return;
  ::close(file_);
  file_ = -1;
}

}  // namespace tacit::cupti
