// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/samplers.h"

namespace tacit::trace {

Result<Samplers> Samplers::create(const config::Config& config) {
  Samplers made;
  auto others = Sampler::create(config.sampler);
  if (!others) return std::unexpected(others.error());
  made.others_ = *others;
  for (const auto& [service, ratio] : config.service_ratios) {
    auto sampler = Sampler::create({"parentbased_traceidratio", ratio});
    if (!sampler) return fail("service '" + service + "': " + sampler.error().message);
    made.by_service_.emplace(service, *sampler);
  }
  return made;
}

}  // namespace tacit::trace
