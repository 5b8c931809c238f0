// SPDX-License-Identifier: Apache-2.0
// Uprobes of one process in one file as one object that is gone when it is destroyed (and when the
// agent ends, however it ends). Two mechanisms behind one interface; which one works here is tried
// at start on the agent itself. Loop thread.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/runtime/known_image.h"

namespace tacit::probe {

enum class UprobeMechanism {
  kNone,
  kMulti,      // BPF_TRACE_UPROBE_MULTI link, kernel 6.6 or newer: no tracefs, no perf events
  kPerfEvent,  // one perf event and BPF link a point
};

const char* name_of(UprobeMechanism mechanism);

// Which mechanism the kernel knows. The programs must be loaded for it (expected_attach_type).
UprobeMechanism find_uprobe_mechanism();

// The kernel's BPF_TRACE_UPROBE_MULTI (include/uapi/linux/bpf.h, 6.6); Debian 12's header is older.
inline constexpr int kTraceUprobeMulti = 48;

// A program that adds 1 to the first word of this array map whenever it runs. Invalid: errno says why.
Fd load_counter(int map_fd, UprobeMechanism mechanism);

using UprobeLink = std::vector<Fd>;  // destroyed: detached

// Runs `program` whenever a thread of `pid` comes to one of the points in the file at `path`.
Result<UprobeLink> attach_uprobes(UprobeMechanism mechanism, int program_fd,
                                  const std::string& path, uint32_t pid,
                                  std::span<const runtime::ProbePoint> points);

}  // namespace tacit::probe
