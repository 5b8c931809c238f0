// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/sampler.h"

#include <cmath>
#include <string>
#include <string_view>

namespace tacit::trace {

Result<Sampler> Sampler::create(const config::SamplerConfig& config) {
  constexpr std::string_view kParentBased = "parentbased_";
  Sampler sampler;
  std::string_view name = config.name;
  if (name.starts_with(kParentBased)) {
    sampler.parent_based_ = true;
    name.remove_prefix(kParentBased.size());
  }
  if (name == "always_on") {
    sampler.always_ = true;
  } else if (name == "traceidratio") {
    if (!(config.ratio >= 0.0 && config.ratio <= 1.0)) {
      return fail("the sampling ratio must lie between 0 and 1, not " +
                  std::to_string(config.ratio));
    }
    sampler.always_ = config.ratio == 1.0;
    if (!sampler.always_) sampler.below_ = static_cast<uint64_t>(std::ldexp(config.ratio, 64));
  } else if (name != "always_off") {
    return fail("unknown sampler '" + config.name +
                "': take always_on, always_off, traceidratio, or one of them after parentbased_");
  }
  return sampler;
}

}  // namespace tacit::trace
