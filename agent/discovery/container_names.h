// SPDX-License-Identifier: Apache-2.0
// Container id → the name that its runtime keeps in a file of the host: docker's config.v2.json,
// podman's containers.json. containerd and cri-o keep none that can be read like this. One owner,
// loop thread; answers are kept, at most 4096.
#pragma once
#include <string>

#include "agent/base/hash.h"
#include "agent/discovery/proc_fs.h"

namespace tacit::discovery {

class ContainerNames {
 public:
  // Files are looked up in the root of process 1, so that it also works from inside a container
  // that shares the host's processes.
  explicit ContainerNames(const ProcFs& proc) : proc_(proc) {}

  const std::string& find(const std::string& id);  // empty: unknown

 private:
  std::string look_up(const std::string& id) const;

  const ProcFs& proc_;
  StringMap<std::string> names_;
};

}  // namespace tacit::discovery
