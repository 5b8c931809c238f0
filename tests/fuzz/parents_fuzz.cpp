// SPDX-License-Identifier: Apache-2.0
// Any sequence of what happens inside processes and between them, in few numbers, so that they meet:
// four bytes an event (what, which thread, two numbers). Looks for crashes, circles of parents, and
// places that are never settled or are counted twice.
#include <array>
#include <cstdlib>
#include <vector>

#include "agent/trace/correlator.h"

namespace tacit::trace {
namespace {

constexpr uint64_t kStepNs = 50'000'000;

void check(bool holds) {
  if (!holds) std::abort();
}

class World {
 public:
  void step(const uint8_t* event) {
    const uint8_t first = event[2] % 16, second = event[3] % 16;
    const connection::Actor actor = actor_of(event[1], first);
    ProcessWork& work = correlator_.work(actor.pid);
    now_ns_ += event[0] & 0x80 ? kStepNs : 1;
    switch (event[0] % 21) {
      case 0: return request(actor, second, connection::Role::kServer);
      case 1: return request(actor, second, connection::Role::kClient);
      case 2: return over(actor, second);
      case 3: return work.thread_started(actor, second);
      case 4: return work.task_started(actor, first, second, now_ns_);
      case 5: return work.task_entered(actor);
      case 6: return work.work_given(actor, second);
      case 7: return work.work_taken(actor.tid, second);
      case 8: return work.socket_claimed(actor, second);
      case 9: return correlator_.forget_tasks();
      case 10: return correlator_.forget_process(actor.pid, now_ns_);
      case 11: return more(actor, second);
      case 12: return program(actor);
      case 13: return correlator_.set_program(actor.pid, nullptr);
      case 14: return add(correlator_.failed(actor, sampler_, now_ns_));
      case 15: return settle(second, false);
      case 16: turns_[actor.tid] += uint64_t{1} << 32; return;
      case 17: ++turns_[actor.tid]; return;
      case 18: return correlator_.expire(now_ns_);
      case 20: return work.thread_ended(second, now_ns_);
      case 19:
        return work.set_traits({.calls_in_turn = (second & 1) != 0,
                                .threads_started_for_work = (second & 2) != 0,
                                .tasks_move = (second & 4) != 0});
    }
  }

  void finish() {
    for (const auto& place : places_) check(correlator_.settle(*place, now_ns_, true));
    uint64_t counted = 0;
    for (const auto& kind : correlator_.counts())
      for (const uint64_t count : kind) counted += count;
    check(counted == places_.size());
    for (const auto& place : places_) check_place(*place);
  }

 private:
  connection::Actor actor_of(uint8_t thread, uint64_t task) {
    const uint32_t tid = thread % 8;
    return {tid / 4 + 1, tid, thread & 0x80 ? task : 0, turns_[tid]};
  }

  protocol::HttpExchange exchange_of(const connection::Actor& actor, connection::Role role) {
    protocol::HttpExchange exchange;
    exchange.role = role;
    exchange.request_actor = exchange.request_head_actor = exchange.response_actor = actor;
    return exchange;
  }

  // Socket n is one end of connection n / 2.
  void request(const connection::Actor& actor, uint8_t socket, connection::Role role) {
    auto exchange = exchange_of(actor, role);
    auto& position = positions_[socket];
    exchange.request_begin = position++;
    if (position % 4 == 3)
      exchange.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    connection::Endpoints ends;
    ends.family = connection::Family::kIpv4;
    ends.role = role;
    (role == connection::Role::kServer ? ends.remote : ends.local).port = socket / 2 + 1;
    const Route route{ends, socket, 0, now_ns_ - 5, position == 1 ? actor : connection::Actor{}};
    add(role == connection::Role::kServer ? correlator_.served(exchange, route, sampler_, now_ns_)
                                          : correlator_.sent(exchange, route, sampler_, now_ns_));
  }

  void over(const connection::Actor& actor, uint8_t back) {
    if (places_.empty()) return;
    const PlacePtr& place = places_[places_.size() - 1 - back % places_.size()];
    if (!place->open || place->kind == Place::Kind::kProcess) return;
    correlator_.over(place, exchange_of(actor, connection::Role::kServer));
  }

  void more(const connection::Actor& actor, uint8_t back) {
    if (places_.empty()) return;
    const PlacePtr& place = places_[places_.size() - 1 - back % places_.size()];
    if (place->kind == Place::Kind::kServer && place->open)
      correlator_.work(actor.pid).received(place, actor);
    if (place->kind == Place::Kind::kCall) correlator_.work(actor.pid).answer_read(place, actor);
  }

  void program(const connection::Actor& actor) {
    auto place = correlator_.program({}, correlator_.work(actor.pid).started_by(actor), sampler_,
                                     now_ns_);
    correlator_.set_program(actor.pid, place);
    add(std::move(place));
  }

  void settle(uint8_t back, bool force) {
    if (!places_.empty())
      correlator_.settle(*places_[places_.size() - 1 - back % places_.size()], now_ns_, force);
  }

  void add(PlacePtr place) {
    check(place != nullptr && !place->settled);
    places_.push_back(std::move(place));
  }

  static void check_place(const Place& place) {
    check(place.settled && place.parent == nullptr);
    check(place.span_id != telemetry::SpanId{} || !place.kept);
    check(place.parent_span_id != place.span_id || !place.kept);
    const bool has_parent = place.parent_span_id != telemetry::SpanId{};
    const bool is_root = place.source == ParentSource::kNone ||
                         place.source == ParentSource::kAmbiguous;
    check(has_parent != is_root);
  }

  Sampler sampler_ = *Sampler::create({});
  Correlator correlator_{IdGenerator(1)};
  std::vector<PlacePtr> places_;
  std::array<uint64_t, 8> turns_{};
  std::array<uint32_t, 16> positions_{};
  uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace
}  // namespace tacit::trace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tacit::trace::World world;
  for (size_t at = 0; at + 4 <= size; at += 4) world.step(data + at);
  world.finish();
  return 0;
}
