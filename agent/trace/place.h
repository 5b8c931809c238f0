// SPDX-License-Identifier: Apache-2.0
// A span's place in a trace, made when its request is seen, long before the span is. Shared by the
// exchange, by whatever works for it, and by the places below it. Loop thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "agent/connection/connection.h"
#include "agent/telemetry/span.h"
#include "agent/trace/parent_source.h"
#include "agent/trace/request_key.h"
#include "agent/trace/sdk_presence.h"
#include "agent/trace/trace_context.h"

namespace tacit::trace {

class Sampler;
// Whether a thread came to its own end while its process went on: then all it did was what it was
// started for. At the end of a process every thread ends, those of pools too.
struct ThreadLife {
  static constexpr uint64_t kGoesOnNs = 500'000'000;
  uint64_t ended_ns = 0;
  bool with_process = false;
};

struct Place;
using PlacePtr = std::shared_ptr<Place>;

struct Place {
  // kPart: something a program does that is neither served nor sent (a phase of a training run).
  enum class Kind : uint8_t { kServer, kCall, kProcess, kPart };

  Kind kind = Kind::kServer;
  // Settled: ids, parent and decision below are final.
  bool settled = false;
  bool kept = false;
  bool left_to_sdk = false;  // an SDK in its process makes this span; never a parent of ours
  bool parent_is_remote = false;
  ParentSource source = ParentSource::kNone;
  uint8_t trace_flags = 0;
  telemetry::TraceId trace_id{};
  telemetry::SpanId span_id{};
  telemetry::SpanId parent_span_id{};

  // What the decision rests on, until it is settled.
  const Sampler* sampler = nullptr;    // of its service; outlives it
  std::shared_ptr<SdkState> sdk;       // of its process; null: nobody asked
  PlacePtr parent;                     // found, but perhaps not settled itself
  std::optional<TraceContext> header;  // traceparent of its request, or of its environment
  bool decided = false;                // parent and source are what they will be
  bool provisional = false;            // by kThread: holds if the thread waits for its answer
  std::shared_ptr<const ThreadLife> proof;  // by kThreadStart: holds once that thread ended
  bool is_parent = false;              // of a program: something found it to be its parent
  bool is_telemetry = false;           // sent: it carries telemetry itself
  bool forwarded = false;              // sent: its header is the one that `parent` came with
  // Told to others already, so it holds whatever is found out later. A call's trace and own span id;
  // of a root the trace id.
  std::optional<TraceContext> given;
  bool by_option = false;              // `header` came in a TCP option
  std::unique_ptr<RequestKey> key;     // served: of the call that it is the other end of

  // Of a request that is served or sent.
  bool open = true;        // its exchange is not over
  PlacePtr made_for;       // sent: the served request it was found to be made for
  bool pipelined = false;  // served: its connection had another open beside it
  bool in_one_go = false;  // one thread saw its begin and its answer, and did not wait for others
  uint64_t socket_id = 0;
  uint64_t begin_ns = 0;    // CLOCK_MONOTONIC
  connection::Actor actor;  // served: who read it, as of the last time; sent: who wrote it
};

}  // namespace tacit::trace
