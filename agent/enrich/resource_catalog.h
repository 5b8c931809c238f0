// SPDX-License-Identifier: Apache-2.0
// The telemetry resource of each observed process: one immutable object per service instance,
// shared by everything that comes from it. One owner, loop thread; the resources themselves go to
// other threads. At most 4096 are kept: the least recently used is forgotten, and made again with
// another id where it is needed again.
#pragma once
#include <list>
#include <string>
#include <unordered_map>

#include "agent/base/hash.h"
#include "agent/config/config.h"
#include "agent/discovery/process.h"
#include "agent/telemetry/resource.h"

namespace tacit::enrich {

class ResourceCatalog {
 public:
  // `host_name`: as gethostname(2) gives it. `version`: the agent's own.
  ResourceCatalog(const config::Config& config, std::string host_name, std::string version);

  // Never null. Changes when the process's revision does: at an exec, and when it begins to listen.
  telemetry::ResourcePtr resource_for(const discovery::Process& process);

  // What the agent's own metrics belong to: service.name "tacit".
  telemetry::ResourcePtr agent_resource() const { return agent_; }

  size_t size() const { return by_text_.size(); }

 private:
  struct Kept {
    std::string text;  // the key in by_text_
    telemetry::ResourcePtr resource;
  };

  telemetry::Resource describe(const discovery::Process& process) const;
  telemetry::ResourcePtr share(telemetry::Resource resource);

  std::map<std::string, std::string> configured_;
  std::string host_name_;
  std::string version_;
  telemetry::ResourcePtr agent_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, telemetry::ResourcePtr> by_revision_;
  std::list<Kept> recent_;  // most recent first
  StringMap<std::list<Kept>::iterator> by_text_;
};

}  // namespace tacit::enrich
