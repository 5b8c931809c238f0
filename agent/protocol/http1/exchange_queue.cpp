// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/exchange_queue.h"

#include <algorithm>
#include <utility>

namespace tacit::protocol::http1 {
namespace {

void clear_exchange(HttpExchange& exchange) {
  exchange.outcome = Outcome::kUnknown;
  exchange.error_number = 0;
  for (std::string* text : {&exchange.method, &exchange.target, &exchange.host,
                            &exchange.user_agent, &exchange.traceparent, &exchange.tracestate})
    text->clear();
  exchange.request_minor_version = exchange.response_minor_version = 1;
  exchange.request_body_bytes = exchange.response_body_bytes = 0;
  exchange.request_body_known = exchange.response_body_known = true;
  exchange.status = 0;
  exchange.upgraded = false;
  exchange.request_headers.clear();
  exchange.response_headers.clear();
  exchange.request_first_ns = exchange.request_last_ns = 0;
  exchange.response_first_ns = exchange.response_last_ns = exchange.end_ns = 0;
  exchange.request_actor = exchange.request_head_actor = exchange.response_actor = {};
  exchange.request_begin = 0;
  exchange.place.reset();
}

}  // namespace

void OpenExchange::clear() {
  clear_exchange(exchange);
  peer_end = head_end = end = text_bytes = 0;
  request_whole = request_over = response_begun = response_whole = false;
  response_may_be_lost = expect_continue = continue_sent = false;
  is_head = is_connect = upgrade = false;
}

OpenExchange& ExchangeQueue::push() {
  if (size_ == slots_.size()) grow();
  OpenExchange& open = slots_[(first_ + size_++) & (slots_.size() - 1)];
  open.clear();
  return open;
}

void ExchangeQueue::add_text(OpenExchange& open) {
  const HttpExchange& e = open.exchange;
  size_t bytes = e.method.size() + e.target.size() + e.host.size() + e.user_agent.size() +
                 e.traceparent.size() + e.tracestate.size();
  for (const auto& [name, value] : e.request_headers) bytes += name.size() + value.size();
  open.text_bytes = static_cast<uint32_t>(bytes);
  text_bytes_ += bytes;
}

void ExchangeQueue::pop() {
  text_bytes_ -= front().text_bytes;
  front().text_bytes = 0;
  first_ = (first_ + 1) & (slots_.size() - 1);
  if (--size_ > 0) return;
  first_ = 0;  // a lone request always finds the slot with the warm strings
  if (slots_.size() > kSlotsKept) {
    slots_.resize(kSlotsKept);
    slots_.shrink_to_fit();
  }
}

void ExchangeQueue::grow() {
  std::rotate(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(first_), slots_.end());
  first_ = 0;
  slots_.resize(slots_.empty() ? 1 : slots_.size() * 2);
}

}  // namespace tacit::protocol::http1
