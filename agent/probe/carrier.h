// SPDX-License-Identifier: Apache-2.0
// Carries trace contexts between hosts: in a TCP option (bpf/carrier.bpf.c, bpf/events/tcp_option.h),
// in a traceparent header (HeaderCarrier), or in both. Made only where the user asked for it. Its
// programs for sockets are attached to the cgroups of the selected services and to nothing else:
// never to the root of the hierarchy. ProbeSet owns it;
// loop thread, except outcomes() (any thread).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "bpf/events/traced_process.h"

struct bpf_object;

namespace tacit::probe {

class Carrier {
 public:
  // `share` lets an opened object use the maps that other programs have.
  using Share = std::function<Result<void>(bpf_object*)>;
  // `carries`: enum carries of bpf/events/traced_process.h. Where the canary forbids the header, one
  // line of the log says so.
  static Result<std::unique_ptr<Carrier>> load(unsigned carries, const Share& share);
  ~Carrier();

  // Its first syscalls are seen before those of other programs on the same hook. Call once, before
  // those are attached.
  Result<void> attach();
  // The object, whose maps the runtimes' programs share.
  bpf_object* object() const;
  std::vector<std::pair<std::string, int>> programs() const;  // name, fd

  // The process is followed; where it carries, its cgroup gets the programs too.
  void trace(uint32_t pid, const traced_process& process);
  // What its calls belong to as long as it serves nobody; none: it does.
  void set_program_trace(uint32_t pid, const std::optional<program_trace>& trace);
  void forget(uint32_t pid);

  std::vector<std::pair<const char*, uint64_t>> outcomes() const;

 private:
  struct Parts;
  explicit Carrier(std::unique_ptr<Parts> parts);
  Result<void> attach_to_cgroup_of(uint32_t pid);

  std::unique_ptr<Parts> parts_;
  std::set<std::string> complaints_;  // each once
};

}  // namespace tacit::probe
