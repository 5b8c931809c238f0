// SPDX-License-Identifier: Apache-2.0
#include "agent/connection/byte_stream.h"

#include <algorithm>
#include <utility>

namespace tacit::connection {

HeldTransfer::HeldTransfer(const Transfer& transfer)
    : storage_(transfer.bytes.begin(), transfer.bytes.end()), transfer_(transfer) {
  transfer_.bytes = storage_;
}

int64_t ByteStream::distance_to(uint32_t position) const {
  const uint32_t behind = expected_ - position;
  if (behind <= kMaxLateBytes) return -static_cast<int64_t>(behind);
  return static_cast<uint32_t>(position - expected_);
}

Place ByteStream::place(Transfer& transfer) const {
  const int64_t distance = distance_to(transfer.begin());
  if (distance > 0) return Place::kAhead;
  const uint32_t passed = static_cast<uint32_t>(-distance);
  if (passed >= uint64_t{transfer.length} + transfer.inserted) return Place::kStale;
  if (passed > 0) drop_front(transfer, passed);
  return Place::kInOrder;
}

bool ByteStream::hold(const Transfer& transfer) {
  if (held_.size() >= kMaxHeldTransfers) return false;
  if (held_bytes_ + transfer.bytes.size() > kMaxHeldBytes) return false;
  const auto later = [this](uint32_t begin, const HeldTransfer& other) {
    return distance_to(begin) < distance_to(other.transfer().begin());
  };
  const auto where = std::upper_bound(held_.begin(), held_.end(), transfer.begin(), later);
  held_.insert(where, HeldTransfer(transfer));
  held_bytes_ += transfer.bytes.size();
  return true;
}

std::optional<HeldTransfer> ByteStream::take_first() {
  if (held_.empty()) return std::nullopt;
  HeldTransfer first = std::move(held_.front());
  held_.erase(held_.begin());
  held_bytes_ -= first.transfer().bytes.size();
  return first;
}

void ByteStream::drop_held() {
  std::vector<HeldTransfer>().swap(held_);
  held_bytes_ = 0;
}

void drop_front(Transfer& transfer, uint32_t bytes) {
  const uint32_t inserted = std::min(bytes, transfer.inserted);
  transfer.inserted -= inserted;
  bytes -= inserted;
  transfer.length -= bytes;
  transfer.bytes = transfer.bytes.subspan(std::min<size_t>(bytes, transfer.bytes.size()));
}

}  // namespace tacit::connection
