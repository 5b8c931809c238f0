// SPDX-License-Identifier: Apache-2.0
// A connection that never came to be: a CLIENT span of its own, as no request was ever sent on it.
#pragma once
#include <cstdint>

#include "agent/connection/connection.h"
#include "agent/telemetry/span.h"

namespace tacit::semantics {

// error.type of a connect that its own process gave up.
inline constexpr char kConnectAborted[] = "connect_aborted";

// Span `connect` with server.*, network.*, error.type and status ERROR; no ids, no resource.
// `error_number` 0: the process closed the socket while it was still connecting. Times are
// CLOCK_MONOTONIC; `wall_offset_ns` is wall clock minus that.
telemetry::Span describe_connect_failure(const connection::Endpoints& endpoints, int error_number,
                                         uint64_t begin_ns, uint64_t end_ns,
                                         int64_t wall_offset_ns);

}  // namespace tacit::semantics
