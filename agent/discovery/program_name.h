// SPDX-License-Identifier: Apache-2.0
// What a command line tells: the runtime it starts, and the name of what runs in it. Pure but for
// the file reader that comes along. Wrappers (env, sh -c, sudo, timeout, tini) need no care here:
// each exec makes its own image.
#pragma once
#include <string>

#include "agent/discovery/launch.h"
#include "agent/discovery/process.h"

namespace tacit::discovery {

// By the executable's name, or args[0] where the executable was not seen.
Runtime detect_runtime(const Launch& launch);

// Never empty: "unknown_service" (OpenTelemetry's word) where nothing at all was seen.
std::string program_name(const Launch& launch, Runtime runtime);

// A helper that a program starts of itself and that belongs to its parent's service: Python's
// multiprocessing children (uvicorn --workers and --reload use them).
bool belongs_to_parent(const Launch& launch, Runtime runtime);

}  // namespace tacit::discovery
