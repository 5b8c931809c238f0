// SPDX-License-Identifier: Apache-2.0
// The exchanges of one connection that are not over, oldest first. Slots are reused together with
// their strings' capacity, so that a keep-alive connection allocates nothing. Loop thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/protocol/exchange.h"

namespace tacit::protocol::http1 {

struct OpenExchange {
  HttpExchange exchange;
  // How far the response direction had come when the request's head was complete, and later the
  // end of the interim responses to it: where its (next) response begins.
  uint32_t peer_end = 0;
  uint32_t head_end = 0;  // positions in the request direction
  uint32_t end = 0;       // valid with request_whole
  uint32_t text_bytes = 0;
  bool request_whole = false;  // seen to its end
  bool request_over = false;   // nothing more will come of it, whole or not
  bool response_begun = false;
  bool response_whole = false;
  bool response_may_be_lost = false;  // response bytes were missed while it waited
  bool expect_continue = false;
  bool continue_sent = false;
  bool is_head = false;
  bool is_connect = false;
  bool upgrade = false;

  void clear();
};

class ExchangeQueue {
 public:
  // Pipelined requests that may wait for their responses.
  static constexpr size_t kMaxOpen = 256;
  // Bytes of text that more than one waiting request may hold together.
  static constexpr size_t kMaxTextBytes = 65536;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  bool full() const { return size_ >= kMaxOpen || (size_ > 0 && text_bytes_ > kMaxTextBytes); }

  OpenExchange& operator[](size_t index) { return slots_[(first_ + index) & (slots_.size() - 1)]; }
  OpenExchange& front() { return slots_[first_]; }
  OpenExchange& back() { return (*this)[size_ - 1]; }

  OpenExchange& push();               // cleared; not while full()
  void add_text(OpenExchange& open);  // its strings are set: they count from now on
  void pop();

 private:
  static constexpr size_t kSlotsKept = 4;  // when the queue runs empty
  void grow();
  std::vector<OpenExchange> slots_;  // a ring; its size is a power of two
  size_t first_ = 0;
  size_t size_ = 0;
  size_t text_bytes_ = 0;
};

}  // namespace tacit::protocol::http1
