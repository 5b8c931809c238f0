// SPDX-License-Identifier: Apache-2.0
// What produced telemetry: one immutable Resource per service instance, shared by its spans.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "agent/telemetry/attribute.h"

namespace tacit::telemetry {

struct Resource {
  uint64_t id = 0;            // unique in this agent's life; a cheap key for caches
  std::string service_name;   // service.name, also the `job` label of metrics
  std::string service_namespace;
  std::string instance;       // service.instance.id: host:port of the first listener, else host
  Attributes attributes;      // all of them, service.* included, in export order
};

using ResourcePtr = std::shared_ptr<const Resource>;

}  // namespace tacit::telemetry
