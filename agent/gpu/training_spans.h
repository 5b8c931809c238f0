// SPDX-License-Identifier: Apache-2.0
// A phase of a training run as a span: INTERNAL, named after the phase. README.md lists its attributes.
#pragma once
#include <cstdint>

#include "agent/gpu/training_phase.h"
#include "agent/telemetry/span.h"

namespace tacit::gpu {

// No ids and no resource. `wall_offset_ns`: wall clock minus CLOCK_MONOTONIC.
telemetry::Span phase_span(const TrainingPhase& phase, int64_t wall_offset_ns);

}  // namespace tacit::gpu
