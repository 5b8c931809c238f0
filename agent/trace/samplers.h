// SPDX-License-Identifier: Apache-2.0
// One sampler for all services, and others for some. Read only after construction.
#pragma once
#include <map>
#include <string>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/trace/sampler.h"

namespace tacit::trace {

class Samplers {
 public:
  // Errors: those of Sampler::create, with the service's name.
  static Result<Samplers> create(const config::Config& config);

  // Lives as long as this object stays where it is.
  const Sampler& of(const std::string& service_name) const {
    if (by_service_.empty()) return others_;
    const auto found = by_service_.find(service_name);
    return found == by_service_.end() ? others_ : found->second;
  }

 private:
  Sampler others_;
  std::map<std::string, Sampler> by_service_;
};

}  // namespace tacit::trace
