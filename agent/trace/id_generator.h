// SPDX-License-Identifier: Apache-2.0
// Random trace and span ids. xoshiro256++ by David Blackman and Sebastiano Vigna (public domain
// algorithm, https://prng.di.unimi.it/), seeded by the kernel: unique, not secret. Loop thread.
#pragma once
#include <array>
#include <cstdint>

#include "agent/telemetry/span.h"

namespace tacit::trace {

class IdGenerator {
 public:
  IdGenerator();  // seeded by getrandom(2)
  explicit IdGenerator(uint64_t seed);  // for tests: the same ids each time

  telemetry::TraceId trace_id();  // never all zero
  telemetry::SpanId span_id();    // never all zero

 private:
  void seed_from(uint64_t seed);
  uint64_t next();

  std::array<uint64_t, 4> state_;
};

}  // namespace tacit::trace
