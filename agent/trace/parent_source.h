// SPDX-License-Identifier: Apache-2.0
// How a span's parent was found. The names leave as `tacit.parent.source` and as the label `source`
// of tacit_parents_total; README.md tells what each rests on.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tacit::trace {

enum class ParentSource : uint8_t {
  kNone,         // no parent is known: a root
  kAmbiguous,    // more than one was possible: a root
  kTraceparent,  // the request's own header
  kSocket,       // the other end of the connection
  kClaim,        // the runtime's hand-over of a connection to whom it writes for
  kTask,         // the runtime's task, or the task it came from
  kWork,         // a unit of work that passed a queue between threads
  kThread,       // one thread: request read, call made, answer awaited
  kThreadStart,  // the thread was started while that request was served
  kCallback,     // one turn of an event loop
  kProcess,      // the program that made it
  kEnvironment,  // TRACEPARENT in the process's environment
  kTcpOption,    // a TCP option that the sender's agent wrote
  kPartOf,       // a part of what the same thread does: a step of a training run
};
inline constexpr std::array<const char*, 14> kParentSourceNames = {
    "none", "ambiguous", "traceparent",  "socket",   "claim",   "task",
    "work", "thread",    "thread_start", "callback", "process", "environment",
    "tcp_option", "part_of"};

constexpr const char* name_of(ParentSource source) {
  return kParentSourceNames[static_cast<size_t>(source)];
}

}  // namespace tacit::trace
