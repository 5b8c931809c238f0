// SPDX-License-Identifier: Apache-2.0
// The one door back into the kernel. ProbeSet is it; tests and replays have their own.
#pragma once
#include <cstdint>
#include <optional>

#include "agent/base/result.h"
#include "agent/connection/connection.h"
#include "agent/event/cuda_counts.h"
#include "bpf/events/followed_process.h"
#include "bpf/events/traced_process.h"

namespace tacit::probe {

// What inspect() found.
struct Inspection {
  runtime_kind runtime = RUNTIME_UNKNOWN;
  // PyTorch was there when the process was first looked at: what it trained before is not seen.
  bool found_torch = false;
};

class ProbeControl {
 public:
  virtual ~ProbeControl() = default;

  // Report this process, and from now on its children.
  virtual Result<void> follow(uint32_t pid) = 0;
  virtual void unfollow(uint32_t pid) = 0;
  // Looks for runtimes that we know in this followed process: call when it is followed, was forked,
  // or mapped code (image_mapped_event; once for several is enough). After an exec: forget(), then
  // inspect().
  // Returns what was found, once all its probes are attached.
  virtual Inspection inspect(uint32_t pid) = 0;
  // The process ended, was replaced by an exec, or is no longer followed: what is attached to it goes.
  virtual void forget(uint32_t pid) = 0;
  // Where traces are carried between hosts: what this followed process has to do with that, and the
  // trace of its program as long as it serves nobody (none: it does). forget() ends both.
  virtual void trace(uint32_t pid, const traced_process& process) = 0;
  virtual void set_program_trace(uint32_t pid, const std::optional<program_trace>& trace) = 0;
  // No more events of this socket.
  virtual void mute(uint64_t socket_id) = 0;
  // No events of transfers that end at or before `until` in this direction.
  virtual void skip(uint64_t socket_id, connection::Direction direction, uint32_t until) = 0;
  // The socket is done with, or was never announced: it will be announced if it is used again.
  virtual void forget_socket(uint64_t socket_id) = 0;
  // Socket events that found the ring full, since start.
  virtual uint64_t lost_events() const = 0;
  // What a process asked of CUDA so far; nullopt: nothing, or it is not looked for. Until forget().
  virtual std::optional<event::CudaCounts> cuda_counts(uint32_t) const { return std::nullopt; }
  // Events of who works for whom that did so.
  virtual uint64_t lost_task_events() const = 0;
};

}  // namespace tacit::probe
