// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/correlator.h"

#include <string>
#include <utility>

namespace tacit::trace {
namespace {

using connection::Actor;

constexpr uint8_t kSampledFlag = 1;

std::optional<TraceContext> header_of(const protocol::HttpExchange& exchange) {
  if (exchange.traceparent.empty()) return {};
  return parse_traceparent(exchange.traceparent);
}

// Not so in a right world; records that were lost or are hostile may say so. Bounded: a chain so long
// is none.
bool descends_from(const Place& place, const Place& ancestor) {
  constexpr int kMaxDepth = 1024;
  const Place* each = &place;
  for (int i = 0; i < kMaxDepth && each != nullptr; ++i, each = each->parent.get())
    if (each == &ancestor) return true;
  return each != nullptr;
}

// The header that this very call was given on its way (bpf/http_carrier.bpf.c).
bool names(const TraceContext& header, const Place& call) {
  return call.given && call.given->span_id == header.span_id &&
         call.given->trace_id == header.trace_id;
}

bool same_go(const Actor& a, const Actor& b) { return a.tid == b.tid && a.waits() == b.waits(); }

}  // namespace

PlacePtr Correlator::make(Place::Kind kind, const Actor& actor, const Sampler& sampler,
                          uint64_t begin_ns) const {
  auto place = std::make_shared<Place>();
  place->kind = kind;
  place->actor = actor;
  place->sampler = &sampler;
  place->begin_ns = begin_ns;
  return place;
}

ProcessWork& Correlator::work(uint32_t pid) {
  auto& known = processes_[pid];
  if (!known) known = std::make_unique<ProcessWork>();
  return *known;
}

void Correlator::forget_process(uint32_t pid, uint64_t now_ns) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  found->second->ended(now_ns);
  processes_.erase(found);
}

void Correlator::forget_tasks() {
  for (auto& [pid, work] : processes_) work->forget_tasks();
}

void Correlator::set_program(uint32_t pid, PlacePtr program) {
  if (program)
    programs_.insert_or_assign(pid, std::move(program));
  else
    programs_.erase(pid);
}

PlacePtr Correlator::served(const protocol::HttpExchange& exchange, const Route& route,
                            const Sampler& sampler, uint64_t now_ns) {
  PlacePtr place = make(Place::Kind::kServer, exchange.request_head_actor, sampler, now_ns);
  place->socket_id = route.socket_id;
  place->header = header_of(exchange);
  if (auto key = RequestKey::make(route.endpoints, route.socket_id, route.peer_socket_id,
                                  exchange.request_begin)) {
    place->given = given_.take(GivenIds::Kind::kBegun, *key);
    if (auto arrived = given_.take(GivenIds::Kind::kArrived, *key); arrived && !place->header) {
      place->header = arrived;
      place->by_option = true;
    }
    place->key = std::make_unique<RequestKey>(*key);
  }
  place->sdk = sdks_.of(place->actor.pid);
  work(place->actor.pid).served(place, route.origin_ns);
  return place;
}

PlacePtr Correlator::sent(const protocol::HttpExchange& exchange, const Route& route,
                          const Sampler& sampler, uint64_t now_ns) {
  PlacePtr place = make(Place::Kind::kCall, exchange.request_actor, sampler, now_ns);
  place->socket_id = route.socket_id;
  place->header = header_of(exchange);
  find_parent(*place, {place->actor, route.socket_id, route.opener, route.origin_ns});
  notice_sdk(*place, exchange, now_ns);
  if (auto key = RequestKey::make(route.endpoints, route.socket_id, route.peer_socket_id,
                                  exchange.request_begin)) {
    place->given = given_.take(GivenIds::Kind::kCall, *key);
    join_.sent(*key, place, now_ns);
  }
  return place;
}

// What an SDK inside sends: trace context that did not come in with a request, and its exports.
void Correlator::notice_sdk(Place& call, const protocol::HttpExchange& exchange, uint64_t now_ns) {
  const uint32_t pid = call.actor.pid;
  call.sdk = sdks_.of(pid);
  if (SdkPresence::is_span_export(exchange.method, exchange.target)) sdks_.exported(pid);
  call.is_telemetry = SdkPresence::is_export(exchange.method, exchange.target);
  if (call.header && !call.forwarded) sdks_.suspect(pid, now_ns);
}

PlacePtr Correlator::failed(const Actor& actor, const Sampler& sampler, uint64_t begin_ns) {
  PlacePtr place = make(Place::Kind::kCall, actor, sampler, begin_ns);
  find_parent(*place, {actor, 0, {}, 0});
  place->open = false;
  return place;
}

PlacePtr Correlator::part(const Actor& actor, const Sampler& sampler, uint64_t begin_ns) {
  PlacePtr place = make(Place::Kind::kPart, actor, sampler, begin_ns);
  find_parent(*place, {actor, 0, {}, 0});
  return place;
}

PlacePtr Correlator::beside(const Place& part) const {
  PlacePtr place = make(Place::Kind::kPart, part.actor, *part.sampler, part.begin_ns);
  place->parent = part.parent;
  place->source = part.source;
  place->provisional = part.provisional;
  place->proof = part.proof;
  place->decided = part.decided;
  place->open = part.open;
  return place;
}

PlacePtr Correlator::below(const PlacePtr& parent) const {
  PlacePtr place = make(Place::Kind::kPart, parent->actor, *parent->sampler, parent->begin_ns);
  place->parent = parent;
  place->source = ParentSource::kPartOf;
  place->decided = true;
  place->open = false;
  return place;
}

// What may still prove its parent is awaited from its end on: a training run takes hours.
void Correlator::end_part(Place& part, uint64_t now_ns) {
  part.open = false;
  part.begin_ns = now_ns;
}

PlacePtr Correlator::program(const std::optional<TraceContext>& header, const Finding& starter,
                             const Sampler& sampler, uint64_t begin_ns) {
  PlacePtr place = make(Place::Kind::kProcess, {}, sampler, begin_ns);
  place->header = header;
  if (header) {
    place->source = ParentSource::kEnvironment;
    place->decided = true;
  } else {
    take(*place, starter);
    place->made_for = starter.request;
  }
  return place;
}

// A header wins, unless it is the one that came in with the request this call is made for: a proxy
// passed it on, and is itself what lies between.
void Correlator::find_parent(Place& call, const Caller& caller) {
  Finding found = work(call.actor.pid).find(caller);
  if (call.header) {
    const bool passed_on = found.request && found.request->header &&
                           found.request->header->span_id == call.header->span_id;
    if (!passed_on) {
      call.source = ParentSource::kTraceparent;
      call.decided = true;
      return;
    }
    call.forwarded = true;
    call.header.reset();
  }
  if (found.source == ParentSource::kNone) {
    const auto program = programs_.find(call.actor.pid);
    if (program != programs_.end()) found = of_program(program->second);
  }
  if (found.request && found.request->kind == Place::Kind::kServer) call.made_for = found.request;
  take(call, found);
}

// A program that outlives the request which started it may by now work for others (a pool's worker).
Finding Correlator::of_program(const PlacePtr& program) {
  if (program->made_for && !program->made_for->open) return {nullptr, ParentSource::kAmbiguous, {}};
  program->is_parent = true;
  return {program, ParentSource::kProcess, {}};
}

void Correlator::take(Place& place, const Finding& finding) {
  place.parent = finding.request;
  place.source = finding.source;
  place.provisional = finding.source == ParentSource::kThread;
  place.proof = finding.proof;
  place.decided = !place.provisional && !place.proof;
}

void Correlator::over(const PlacePtr& place, const protocol::HttpExchange& exchange) {
  place->open = false;
  const Actor& answer = exchange.response_actor;
  if (place->kind == Place::Kind::kServer) {
    place->in_one_go = answer.tid != 0 && same_go(answer, place->actor);
    if (const auto found = processes_.find(place->actor.pid); found != processes_.end())
      found->second->answered(place, answer);
    return;
  }
  // The thread that called has read the answer and did not look for anything else meanwhile.
  if (!place->provisional || answer.tid == 0) return;
  if (same_go(answer, place->actor))
    place->in_one_go = true;
  else
    revoke(*place);
}

void Correlator::revoke(Place& call) {
  call.provisional = false;
  call.decided = true;
  call.parent = nullptr;
  call.source = ParentSource::kAmbiguous;
}

// Its thread did nothing but serve that request, if it also answered it without waiting for anything
// else: a thread that leaves a request to others may go on with theirs.
bool Correlator::prove(Place& call, uint64_t now_ns, bool force) {
  const bool late = force || now_ns >= call.begin_ns + kProofNs;
  if (call.parent->open && !late) return false;
  const bool holds =
      call.parent->open ? call.in_one_go || call.actor.waits() == 0 : call.parent->in_one_go;
  if (!holds || work(call.actor.pid).multiplexes(call.actor.tid))
    revoke(call);
  else
    call.provisional = false;
  return call.decided = true;
}

// A started thread's call: for its starter's request, if the thread ended and its process went on.
bool Correlator::prove_by_end(Place& call, uint64_t now_ns, bool force) {
  const ThreadLife& life = *call.proof;
  const bool ended = life.ended_ns != 0 && !life.with_process;
  const bool went_on = ended && (force || now_ns >= life.ended_ns + ThreadLife::kGoesOnNs);
  const bool late = force || now_ns >= call.begin_ns + kProofNs;
  if (!went_on && !late && !life.with_process) return false;
  if (!went_on) revoke(call);
  return call.decided = true;
}

bool Correlator::decide(Place& place, uint64_t now_ns, bool force) {
  if (place.decided) return true;
  if (place.provisional) return prove(place, now_ns, force);
  if (place.proof) return prove_by_end(place, now_ns, force);
  if (place.key) {
    PlacePtr call = join_.take(*place.key);
    if (call && !descends_from(*call, place)) {
      if (!place.header || place.by_option || call->forwarded || names(*place.header, *call)) {
        place.source = ParentSource::kSocket;
        place.parent = std::move(call);
      }
    } else if (!call && !force && now_ns < place.begin_ns + kJoinNs) {
      return false;
    }
    place.key.reset();
  }
  // A header that the connection outdid stays: what is passed on is known by it.
  if (place.header && !place.parent)
    place.source = place.by_option ? ParentSource::kTcpOption : ParentSource::kTraceparent;
  return place.decided = true;
}

bool Correlator::settle(Place& place, uint64_t now_ns, bool force) {
  if (place.settled) return true;
  if (!force && place.sdk && SdkPresence::in_doubt(*place.sdk, now_ns)) return false;
  if (!decide(place, now_ns, force)) return false;
  if (place.parent && !settle(*place.parent, now_ns, force)) return false;
  finalise(place);
  return true;
}

// A call's ids were sent with it. What was found to be its parent is that only in the same trace; an
// own header of the request wins, and is what the receiver takes too.
void Correlator::keep_given(Place& call) {
  if (call.header) {
    call.given.reset();
    return;
  }
  if (!call.parent || call.parent->trace_id == call.given->trace_id) return;
  call.parent.reset();
  call.source = ParentSource::kAmbiguous;
}

std::optional<TraceContext> Correlator::program_trace(uint32_t pid) {
  const auto found = programs_.find(pid);
  if (found == programs_.end()) return {};
  Place& program = *found->second;
  if (program.settled) return TraceContext{program.trace_id, {}, program.trace_flags};
  const Place* top = &program;
  while (top->parent && !top->settled) top = top->parent.get();
  if (top != &program) return {};  // a request's, which may not be known to be one yet
  const std::optional<bool> parent_sampled =
      program.header ? std::optional((program.header->flags & kSampledFlag) != 0) : std::nullopt;
  if (!program.header && !program.given) program.given = TraceContext{ids_.trace_id(), {}, 0};
  TraceContext trace = program.header ? *program.header : *program.given;
  trace.flags = program.sampler->keep(trace.trace_id, parent_sampled) ? kSampledFlag : 0;
  return trace;
}

// With an SDK inside, requests that are served are its spans, and so are calls that carry its context
// or its telemetry. What hangs below one of them but does not carry the context has no known parent.
void Correlator::leave_to_sdk(Place& place) {
  if (place.parent && place.parent->left_to_sdk) {
    place.parent.reset();
    place.header.reset();
    place.source = ParentSource::kNone;
  }
  if (!place.sdk || place.sdk->verdict != SdkState::Verdict::kPresent) return;
  place.left_to_sdk = place.kind == Place::Kind::kServer || place.is_telemetry ||
                      (place.header && !place.forwarded);
}

void Correlator::finalise(Place& place) {
  leave_to_sdk(place);
  if (place.given && place.kind == Place::Kind::kCall) keep_given(place);
  std::optional<bool> parent_sampled;
  uint8_t other_flags = 0;
  if (place.parent) {
    place.trace_id = place.parent->trace_id;
    place.parent_span_id = place.parent->span_id;
    parent_sampled = place.parent->kept;
    other_flags = place.parent->trace_flags & static_cast<uint8_t>(~kSampledFlag);
  } else if (place.header) {
    place.trace_id = place.header->trace_id;
    place.parent_span_id = place.header->span_id;
    // A client's own header names a span of the same process.
    place.parent_is_remote = place.kind != Place::Kind::kCall;
    parent_sampled = (place.header->flags & kSampledFlag) != 0;
    other_flags = place.header->flags & static_cast<uint8_t>(~kSampledFlag);
  } else {
    place.trace_id = place.given ? place.given->trace_id : ids_.trace_id();
  }
  const bool told = place.given && place.kind == Place::Kind::kCall;
  place.kept = told ? (place.given->flags & kSampledFlag) != 0
                    : place.sampler->keep(place.trace_id, parent_sampled);
  place.trace_flags = place.kept ? other_flags | kSampledFlag : other_flags;
  if (place.left_to_sdk) place.kept = false;
  if (place.kept) place.span_id = told ? place.given->span_id : ids_.span_id();
  place.settled = true;
  place.parent.reset();
  ++counts_[static_cast<size_t>(place.kind)][static_cast<size_t>(place.source)];
}

void Correlator::apply(const Place& place, telemetry::Span& span) {
  span.trace_id = place.trace_id;
  span.span_id = place.span_id;
  span.parent_span_id = place.parent_span_id;
  span.trace_flags = place.trace_flags;
  span.parent_is_remote = place.parent_is_remote;
  if (place.source != ParentSource::kNone)
    span.attributes.push_back({"tacit.parent.source", std::string(name_of(place.source))});
  if (place.source != ParentSource::kTraceparent) span.trace_state.clear();
}

}  // namespace tacit::trace
