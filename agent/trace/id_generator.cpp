// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/id_generator.h"

#include <sys/random.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "agent/base/clock.h"

namespace tacit::trace {

IdGenerator::IdGenerator() {
  const auto size = static_cast<ssize_t>(sizeof state_);
  if (::getrandom(state_.data(), sizeof state_, 0) != size) {
    seed_from(monotonic_ns() ^ (static_cast<uint64_t>(::getpid()) << 32));
  }
  state_[0] |= 1;  // an all-zero state would stay so
}

IdGenerator::IdGenerator(uint64_t seed) { seed_from(seed); }

// splitmix64, as the generator's authors advise for seeding.
void IdGenerator::seed_from(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15ULL;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    word = mixed ^ (mixed >> 31);
  }
}

uint64_t IdGenerator::next() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

telemetry::TraceId IdGenerator::trace_id() {
  telemetry::TraceId id;
  std::array<uint64_t, 2> words = {next(), next()};
  while ((words[0] | words[1]) == 0) words[1] = next();
  std::memcpy(id.data(), words.data(), id.size());
  return id;
}

telemetry::SpanId IdGenerator::span_id() {
  telemetry::SpanId id;
  uint64_t word = next();
  while (word == 0) word = next();
  std::memcpy(id.data(), &word, id.size());
  return id;
}

}  // namespace tacit::trace
