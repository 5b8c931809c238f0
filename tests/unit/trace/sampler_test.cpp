// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/sampler.h"

#include <gtest/gtest.h>

namespace tacit::trace {
namespace {

Sampler make(const char* name, double ratio = 1.0) { return *Sampler::create({name, ratio}); }

telemetry::TraceId id_with_low_word(uint64_t word) {
  telemetry::TraceId id{};
  id[0] = 0xFF;  // the first half must not matter
  for (int i = 0; i < 8; ++i) id[15 - i] = static_cast<uint8_t>(word >> (8 * i));
  return id;
}

TEST(Sampler, OnAndOff) {
  EXPECT_TRUE(make("always_on").keep({}, std::nullopt));
  EXPECT_TRUE(make("always_on").keep({}, false));
  EXPECT_FALSE(make("always_off").keep({}, std::nullopt));
  EXPECT_FALSE(make("always_off").keep({}, true));
}

TEST(Sampler, RatioComparesTheLastEightBytes) {
  const Sampler quarter = make("traceidratio", 0.25);
  constexpr uint64_t kBound = uint64_t{1} << 62;
  EXPECT_TRUE(quarter.keep(id_with_low_word(0), std::nullopt));
  EXPECT_TRUE(quarter.keep(id_with_low_word(kBound - 1), std::nullopt));
  EXPECT_FALSE(quarter.keep(id_with_low_word(kBound), std::nullopt));
  EXPECT_FALSE(quarter.keep(id_with_low_word(UINT64_MAX), true));
  EXPECT_FALSE(make("traceidratio", 0.0).keep(id_with_low_word(0), std::nullopt));
  EXPECT_TRUE(make("traceidratio", 1.0).keep(id_with_low_word(UINT64_MAX), std::nullopt));
}

TEST(Sampler, ParentDecides) {
  for (const char* name : {"parentbased_always_on", "parentbased_always_off",
                           "parentbased_traceidratio"}) {
    EXPECT_TRUE(make(name, 0.0).keep(id_with_low_word(UINT64_MAX), true)) << name;
    EXPECT_FALSE(make(name, 1.0).keep(id_with_low_word(0), false)) << name;
  }
  EXPECT_TRUE(make("parentbased_always_on").keep({}, std::nullopt));
  EXPECT_FALSE(make("parentbased_always_off").keep({}, std::nullopt));
  EXPECT_FALSE(make("parentbased_traceidratio", 0.5).keep(id_with_low_word(UINT64_MAX), {}));
}

TEST(Sampler, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Sampler::create({"sometimes", 1.0}).error().message,
            "unknown sampler 'sometimes': take always_on, always_off, traceidratio, or one of them "
            "after parentbased_");
  EXPECT_FALSE(Sampler::create({"traceidratio", 1.5}).has_value());
  EXPECT_FALSE(Sampler::create({"traceidratio", -0.1}).has_value());
  EXPECT_FALSE(Sampler::create({"parentbased_jaeger_remote", 1}).has_value());
}

}  // namespace
}  // namespace tacit::trace
