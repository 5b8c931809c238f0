// SPDX-License-Identifier: Apache-2.0
// One direction of a stream socket: where it stands, and the transfers that cannot be used yet.
//
// It owns copies of held transfers only; what arrives in order is never copied here. The owner of
// the connection decides what a hole means (ByteStream makes it explicit and no more). Positions
// are modulo 2^32. Loop thread.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/connection/connection.h"

namespace tacit::connection {

enum class Place : uint8_t {
  kInOrder,  // begins where the last one ended
  kAhead,    // bytes between are missing
  kStale,    // nothing new in it
};

// A transfer with its own copy of the bytes. transfer.bytes points into storage.
class HeldTransfer {
 public:
  explicit HeldTransfer(const Transfer& transfer);
  HeldTransfer(HeldTransfer&&) noexcept = default;  // a moved vector keeps its buffer
  HeldTransfer& operator=(HeldTransfer&&) noexcept = default;
  const Transfer& transfer() const { return transfer_; }

 private:
  std::vector<std::byte> storage_;
  Transfer transfer_;
};

class ByteStream {
 public:
  static constexpr size_t kMaxHeldTransfers = 64;
  static constexpr size_t kMaxHeldBytes = 65536;
  // A transfer that begins further behind than this is no late one: the position has jumped.
  static constexpr uint32_t kMaxLateBytes = 1U << 24;

  // The next byte's position; nothing until the first start_at().
  bool started() const { return started_; }
  uint32_t expected() const { return expected_; }
  void start_at(uint32_t position) {
    expected_ = position;
    started_ = true;
  }
  void advance(uint32_t bytes) { expected_ += bytes; }

  // How many bytes lie between the expected position and `position`. Negative: it was passed, by
  // at most kMaxLateBytes; all other positions lie ahead, so that a skipped body may be long.
  int64_t distance_to(uint32_t position) const;

  // Where a transfer belongs. One that overlaps what has passed is cut to what is new.
  Place place(Transfer& transfer) const;

  // Keeps a copy, ordered by position. False: the bounds are reached, nothing was kept.
  bool hold(const Transfer& transfer);
  bool holding() const { return !held_.empty(); }
  const Transfer* first_held() const { return held_.empty() ? nullptr : &held_.front().transfer(); }
  std::optional<HeldTransfer> take_first();
  void drop_held();
  size_t held_bytes() const { return held_bytes_; }

 private:
  std::vector<HeldTransfer> held_;
  size_t held_bytes_ = 0;
  uint32_t expected_ = 0;
  bool started_ = false;
};

// The signed distance between two positions, right while they are less than 2 GiB apart.
inline int32_t position_difference(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

// Cuts the first `bytes` bytes off, inserted ones first. At most what it covers.
void drop_front(Transfer& transfer, uint32_t bytes);

}  // namespace tacit::connection
