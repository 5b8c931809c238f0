// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/samplers.h"

#include <gtest/gtest.h>

namespace tacit::trace {
namespace {

config::Config config_of(const char* sampler, std::map<std::string, double> ratios) {
  config::Config config;
  config.sampler.name = sampler;
  config.service_ratios = std::move(ratios);
  return config;
}

TEST(Samplers, AServiceWithItsOwnRatioDecidesOnlyForItsRoots) {
  const auto samplers = Samplers::create(config_of("parentbased_always_on", {{"noisy", 0.0}}));
  ASSERT_TRUE(samplers.has_value());
  EXPECT_TRUE(samplers->of("api").keep({}, std::nullopt));
  EXPECT_FALSE(samplers->of("noisy").keep({}, std::nullopt));
  EXPECT_TRUE(samplers->of("noisy").keep({}, true));
  EXPECT_FALSE(samplers->of("api").keep({}, false));
  EXPECT_NE(&samplers->of("noisy"), &samplers->of("api"));
  EXPECT_EQ(&samplers->of("api"), &samplers->of("unheard of"));
}

TEST(Samplers, AServicesRatioAlsoKeepsWhereOthersDropAll) {
  const auto samplers = Samplers::create(config_of("always_off", {{"kept", 1.0}}));
  ASSERT_TRUE(samplers.has_value());
  EXPECT_TRUE(samplers->of("kept").keep({}, std::nullopt));
  EXPECT_FALSE(samplers->of("api").keep({}, true));
}

TEST(Samplers, ErrorsNameTheService) {
  const auto samplers = Samplers::create(config_of("always_on", {{"api", 1.5}}));
  ASSERT_FALSE(samplers.has_value());
  EXPECT_EQ(samplers.error().message,
            "service 'api': the sampling ratio must lie between 0 and 1, not 1.500000");
  EXPECT_FALSE(Samplers::create(config_of("sometimes", {})).has_value());
}

}  // namespace
}  // namespace tacit::trace
