// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>

#include "agent/gpu/kernels/kernel_windows.h"
#include "agent/telemetry/span.h"
#include "agent/trace/place.h"

namespace tacit::pipeline {

// Takes a span of this process that lacks nothing but its place in a trace, the sums of its kernels
// (kNoWindow: it has none) and its resource. Empty where spans go nowhere.
using EmitSpan = std::function<void(telemetry::Span, const trace::PlacePtr&, uint32_t pid,
                                    const telemetry::ResourcePtr&, gpu::WindowId kernels)>;

}  // namespace tacit::pipeline
