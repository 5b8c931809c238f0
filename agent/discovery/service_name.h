// SPDX-License-Identifier: Apache-2.0
// The service's name: the first of these that applies. Pure.
#pragma once
#include <string>
#include <string_view>

#include "agent/discovery/process.h"

namespace tacit::discovery {

struct NameCandidates {
  std::string_view configured;  // service.name of the configuration: everything observed
  std::string_view selector;    // the selector's own
  const EnvironmentSubset* environment = nullptr;  // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
  std::string_view container;   // as its runtime calls it
  std::string_view unit;        // "billing.service" → billing
  std::string_view program;     // program_name(): never empty
};

std::string choose_service_name(const NameCandidates& candidates);

// "my\x2dapp@blue.service" → "my-app@blue" (systemd.unit(5), "String Escaping").
std::string unit_name(std::string_view unit);

}  // namespace tacit::discovery
