// SPDX-License-Identifier: Apache-2.0
// A ring record as a typed view. Views borrow the record's memory and are valid only during the
// call that hands them over. Loop thread.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>
#include <variant>

#include "bpf/events/cuda.h"
#include "bpf/events/data_event.h"
#include "bpf/events/gpu_batch.h"
#include "bpf/events/process_event.h"
#include "bpf/events/socket_event.h"
#include "bpf/events/task.h"
#include "bpf/events/trace_ids.h"
#include "bpf/events/training.h"

namespace tacit::event {

struct ProcessFork {
  const process_fork_event* raw;
};
struct ProcessExec {
  const process_exec_event* raw;
  std::string_view args;  // NUL separated, as captured
  std::string_view env;
};
struct ProcessExit {
  const process_exit_event* raw;
};
struct SocketOpen {
  const socket_open_event* raw;
  std::string_view unix_path;  // first byte 0: abstract
};
struct SocketClose {
  const socket_close_event* raw;
};
struct SocketListen {
  const socket_listen_event* raw;
};
struct ConnectFailed {
  const connect_failed_event* raw;
  std::string_view unix_path;
};
struct Data {
  const data_event* raw;
  std::span<const std::byte> bytes;  // raw->captured_bytes of them
};

struct ThreadStart {
  const thread_start_event* raw;
};
struct ThreadEnd {
  const thread_end_event* raw;
};
struct TaskStart {
  const task_start_event* raw;
};
struct TaskEnter {
  const task_enter_event* raw;
};
struct Work {
  const work_event* raw;
};
struct SocketClaim {
  const socket_claim_event* raw;
};
struct ImageMapped {
  const image_mapped_event* raw;
};
struct Training {
  const training_event* raw;
  std::string_view text;
};
struct File {
  const file_event* raw;
  std::string_view path;  // empty: closed
};
struct TraceIds {
  const trace_ids_event* raw;
};
struct GpuBatch {
  const gpu_batch_event* raw;
  const gpu_batch_header* block;
  std::span<const gpu_record> slots;  // block->slots of them; what each says is the target's word
};
struct CudaFailure {
  const cuda_failure_event* raw;
};

using Event = std::variant<ProcessFork, ProcessExec, ProcessExit, SocketOpen, SocketClose,
                           SocketListen, ConnectFailed, Data, ThreadStart, ThreadEnd, TaskStart, TaskEnter,
                           Work, SocketClaim, ImageMapped, TraceIds, Training, File, GpuBatch,
                           CudaFailure>;

}  // namespace tacit::event
