// SPDX-License-Identifier: Apache-2.0
// Makes ProcessImages out of what an exec event told and what /proc still shows. One owner, loop
// thread. Two steps, because most processes of a host match no selector: outline() is cheap and
// enough to match, complete() does the rest for those that are observed.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/discovery/container_names.h"
#include "agent/discovery/launch.h"
#include "agent/discovery/proc_fs.h"
#include "agent/discovery/process.h"

namespace tacit::discovery {

// What the kernel reported of an exec; views into the event.
struct ExecFacts {
  uint32_t pid = 0;
  uint32_t parent_pid = 0;
  uint64_t start_time_ns = 0;  // CLOCK_BOOTTIME
  std::string_view args;       // NUL separated, maybe cut
  uint32_t args_total = 0;     // bytes that there were
  std::string_view environment;
  uint32_t environment_total = 0;
  std::string_view comm;
  bool followed = false;  // the probes follow it already
};

class ImageReader {
 public:
  // `service_name` of the configuration; `own_pid`: what shares the agent's own container or unit
  // is not named after it, since under `tacit exec` that is everything.
  ImageReader(const ProcFs& proc, std::string service_name, uint32_t own_pid);

  // exe, comm, args, cgroups, container and unit. `before`: the image that the process had, or its
  // parent's, for what /proc no longer shows. Without `facts` all comes from /proc. `alive`: /proc
  // still shows this very process.
  std::shared_ptr<ProcessImage> outline(uint32_t pid, const ExecFacts* facts, bool alive,
                                        const ProcessImage* before);

  // cwd, environment, runtime and name. `parent`: null where unknown.
  void complete(ProcessImage& image, uint32_t pid, const ExecFacts* facts, bool alive,
                const ProcessImage* before, const ProcessImage* parent,
                std::string_view selector_name);

  // Does this image belong to its parent's service (see program_name.h)?
  static bool continues_parent(const ProcessImage& image);

 private:
  Launch launch_of(const ProcessImage& image, uint32_t pid, bool alive) const;

  const ProcFs& proc_;
  ContainerNames container_names_;
  std::string service_name_;
  std::string own_container_;
  std::string own_unit_;
};

}  // namespace tacit::discovery
