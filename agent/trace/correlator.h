// SPDX-License-Identifier: Apache-2.0
// Gives each request its place in a trace: who caused it, which trace that makes, and whether it is
// kept. A place is made when the request is seen and settled when nothing that could still arrive
// can change it: often at once, within kJoinNs where the other end of the connection may yet be
// told of, and at its end where one thread's waiting has to prove the rule. Loop thread.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "agent/connection/connection.h"
#include "agent/protocol/exchange.h"
#include "agent/telemetry/span.h"
#include "agent/trace/given_ids.h"
#include "agent/trace/id_generator.h"
#include "agent/trace/place.h"
#include "agent/trace/process_work.h"
#include "agent/trace/sampler.h"
#include "agent/trace/sdk_presence.h"
#include "agent/trace/socket_join.h"

namespace tacit::trace {

// A request's connection, as far as parents are concerned.
struct Route {
  const connection::Endpoints& endpoints;
  uint64_t socket_id = 0;
  uint64_t peer_socket_id = 0;  // unix sockets: the other end
  uint64_t origin_ns = 0;       // it was accepted or connected; 0: not seen
  connection::Actor opener;     // who connected it; tid 0 unless this is its first request
};

class Correlator {
 public:
  explicit Correlator(IdGenerator ids) : ids_(ids) {}

  // A request's head was seen. `sampler` outlives the place.
  PlacePtr served(const protocol::HttpExchange& exchange, const Route& route,
                  const Sampler& sampler, uint64_t now_ns);
  PlacePtr sent(const protocol::HttpExchange& exchange, const Route& route, const Sampler& sampler,
                uint64_t now_ns);
  // A connect that failed: a call of its own, over already.
  PlacePtr failed(const connection::Actor& actor, const Sampler& sampler, uint64_t begin_ns);
  // A part of what `actor` works for began. It ends with end_part(), and is settled after that.
  PlacePtr part(const connection::Actor& actor, const Sampler& sampler, uint64_t begin_ns);
  // Another with the same parent, or one below `parent`, which may not be settled itself.
  PlacePtr beside(const Place& part) const;
  PlacePtr below(const PlacePtr& parent) const;
  static void end_part(Place& part, uint64_t now_ns);
  // A program began: child of `header` (TRACEPARENT), or else of the request that `starter` served.
  PlacePtr program(const std::optional<TraceContext>& header, const Finding& starter,
                   const Sampler& sampler, uint64_t begin_ns);
  // Its exchange is over.
  void over(const PlacePtr& place, const protocol::HttpExchange& exchange);

  // Ids that the kernel side has told other hosts, or that came from them. Before the request is seen.
  void give(GivenIds::Kind kind, const RequestKey& request, const TraceContext& ids) {
    given_.add(kind, request, ids);
  }
  // The trace of a process's program, fixed now; none: it has no program, or that is not known yet.
  std::optional<TraceContext> program_trace(uint32_t pid);

  // Calls of this process without another parent are its program's; null: they are roots.
  void set_program(uint32_t pid, PlacePtr program);

  SdkPresence& sdks() { return sdks_; }
  // What happens inside a process; made at first use.
  ProcessWork& work(uint32_t pid);
  void forget_process(uint32_t pid, uint64_t now_ns);  // it is gone, or runs another program
  // Events were lost: what is known of tasks may be stale.
  void forget_tasks();

  // True: final. `force`: what could still come is not awaited.
  bool settle(Place& place, uint64_t now_ns, bool force = false);
  void expire(uint64_t now_ns) { join_.expire(now_ns); }

  // Writes a settled place into its span, with `tacit.parent.source`; a tracestate stays only where
  // the traceparent it came with did.
  static void apply(const Place& place, telemetry::Span& span);

  // Settled places by Place::Kind and ParentSource.
  using Counts = std::array<std::array<uint64_t, kParentSourceNames.size()>, 4>;
  const Counts& counts() const { return counts_; }

  // Both ends' events of one request lie this far apart at most.
  static constexpr uint64_t kJoinNs = 200'000'000;
  // How long a call's end is awaited that shall prove its parent.
  static constexpr uint64_t kProofNs = 30'000'000'000;

 private:
  PlacePtr make(Place::Kind kind, const connection::Actor& actor, const Sampler& sampler,
                uint64_t begin_ns) const;
  void find_parent(Place& call, const Caller& caller);
  void take(Place& place, const Finding& finding);
  static Finding of_program(const PlacePtr& program);
  bool decide(Place& place, uint64_t now_ns, bool force);
  bool prove(Place& call, uint64_t now_ns, bool force);
  static bool prove_by_end(Place& call, uint64_t now_ns, bool force);
  static void revoke(Place& call);
  void finalise(Place& place);
  void leave_to_sdk(Place& place);
  void notice_sdk(Place& call, const protocol::HttpExchange& exchange, uint64_t now_ns);
  void keep_given(Place& call);

  IdGenerator ids_;
  SocketJoin join_;
  SdkPresence sdks_;
  GivenIds given_;
  std::unordered_map<uint32_t, std::unique_ptr<ProcessWork>> processes_;
  std::unordered_map<uint32_t, PlacePtr> programs_;
  Counts counts_{};
};

}  // namespace tacit::trace
