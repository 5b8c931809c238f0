// SPDX-License-Identifier: Apache-2.0
#include "agent/event/decode.h"

namespace tacit::event {
namespace {

template <typename Raw>
const Raw* view(std::span<const std::byte> record) {
  return record.size() < sizeof(Raw) ? nullptr : reinterpret_cast<const Raw*>(record.data());
}

template <typename View, typename Raw>
std::expected<Event, DecodeError> plain(std::span<const std::byte> record) {
  const auto* raw = view<Raw>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  return View{raw};
}

template <typename View, typename Raw>
std::expected<Event, DecodeError> with_path(std::span<const std::byte> record) {
  const auto* raw = view<Raw>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->unix_path_bytes > UNIX_PATH_BYTES) return std::unexpected(DecodeError::kBadLength);
  return View{raw, std::string_view(raw->unix_path, raw->unix_path_bytes)};
}

std::expected<Event, DecodeError> exec(std::span<const std::byte> record) {
  const auto* raw = view<process_exec_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->args_bytes > PROCESS_ARGS_BYTES || raw->env_bytes > PROCESS_ENV_BYTES)
    return std::unexpected(DecodeError::kBadLength);
  return ProcessExec{raw, std::string_view(raw->args, raw->args_bytes),
                     std::string_view(raw->env, raw->env_bytes)};
}

std::expected<Event, DecodeError> data(std::span<const std::byte> record) {
  const auto* raw = view<data_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->captured_bytes > record.size() - sizeof(data_event) ||
      raw->captured_bytes > raw->total_bytes || raw->direction > DATA_SEND)
    return std::unexpected(DecodeError::kBadLength);
  return Data{raw, record.subspan(sizeof(data_event), raw->captured_bytes)};
}

std::expected<Event, DecodeError> trace_ids(std::span<const std::byte> record) {
  const auto* raw = view<trace_ids_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->kind > TRACE_IDS_ARRIVED) return std::unexpected(DecodeError::kUnknownType);
  return TraceIds{raw};
}

std::expected<Event, DecodeError> training(std::span<const std::byte> record) {
  const auto* raw = view<training_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  const auto behind = record.subspan(sizeof(training_event));
  if (raw->text_bytes > behind.size()) return std::unexpected(DecodeError::kBadLength);
  if (raw->action == TRAINING_NONE || raw->action >= TRAINING_ACTION_COUNT)
    return std::unexpected(DecodeError::kUnknownType);
  return Training{raw, {reinterpret_cast<const char*>(behind.data()), raw->text_bytes}};
}

std::expected<Event, DecodeError> file(std::span<const std::byte> record) {
  const auto* raw = view<file_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->path_bytes > sizeof(raw->path)) return std::unexpected(DecodeError::kBadLength);
  return File{raw, std::string_view(raw->path, raw->path_bytes)};
}

std::expected<Event, DecodeError> gpu_batch(std::span<const std::byte> record) {
  const auto* raw = view<gpu_batch_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  const auto behind = record.subspan(sizeof(gpu_batch_event));
  if (raw->bytes > behind.size()) return std::unexpected(DecodeError::kBadLength);
  const auto bytes = behind.first(raw->bytes);
  const auto* block = view<gpu_batch_header>(bytes);
  if (block == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (block->magic != GPU_BATCH_MAGIC) return std::unexpected(DecodeError::kUnknownType);
  if (block->slots > GPU_BATCH_SLOTS || (size_t{block->slots} + 1) * GPU_SLOT_BYTES != bytes.size())
    return std::unexpected(DecodeError::kBadLength);
  return GpuBatch{raw, block, {reinterpret_cast<const gpu_record*>(block + 1), block->slots}};
}

std::expected<Event, DecodeError> cuda_failure(std::span<const std::byte> record) {
  const auto* raw = view<cuda_failure_event>(record);
  if (raw == nullptr) return std::unexpected(DecodeError::kTooShort);
  if (raw->call == CUDA_CALL_NONE || raw->call >= CUDA_CALL_COUNT)
    return std::unexpected(DecodeError::kUnknownType);
  return CudaFailure{raw};
}

}  // namespace

std::expected<Event, DecodeError> decode(std::span<const std::byte> record) {
  const auto* header = view<event_header>(record);
  if (header == nullptr) return std::unexpected(DecodeError::kTooShort);
  switch (header->type) {
    case EVENT_DATA:
      return data(record);
    case EVENT_SOCKET_OPEN:
      return with_path<SocketOpen, socket_open_event>(record);
    case EVENT_SOCKET_CLOSE:
      return plain<SocketClose, socket_close_event>(record);
    case EVENT_SOCKET_LISTEN:
      return plain<SocketListen, socket_listen_event>(record);
    case EVENT_CONNECT_FAILED:
      return with_path<ConnectFailed, connect_failed_event>(record);
    case EVENT_PROCESS_FORK:
      return plain<ProcessFork, process_fork_event>(record);
    case EVENT_PROCESS_EXEC:
      return exec(record);
    case EVENT_PROCESS_EXIT:
      return plain<ProcessExit, process_exit_event>(record);
    case EVENT_THREAD_START:
      return plain<ThreadStart, thread_start_event>(record);
    case EVENT_THREAD_END:
      return plain<ThreadEnd, thread_end_event>(record);
    case EVENT_TASK_START:
      return plain<TaskStart, task_start_event>(record);
    case EVENT_TASK_ENTER:
      return plain<TaskEnter, task_enter_event>(record);
    case EVENT_WORK:
      return plain<Work, work_event>(record);
    case EVENT_SOCKET_CLAIM:
      return plain<SocketClaim, socket_claim_event>(record);
    case EVENT_IMAGE_MAPPED:
      return plain<ImageMapped, image_mapped_event>(record);
    case EVENT_TRACE_IDS:
      return trace_ids(record);
    case EVENT_TRAINING:
      return training(record);
    case EVENT_FILE:
      return file(record);
    case EVENT_GPU_BATCH:
      return gpu_batch(record);
    case EVENT_CUDA_FAILURE:
      return cuda_failure(record);
  }
  return std::unexpected(DecodeError::kUnknownType);
}

const char* type_name(uint8_t type) {
  switch (type) {
    case EVENT_DATA: return "data";
    case EVENT_SOCKET_OPEN: return "socket_open";
    case EVENT_SOCKET_CLOSE: return "socket_close";
    case EVENT_SOCKET_LISTEN: return "socket_listen";
    case EVENT_CONNECT_FAILED: return "connect_failed";
    case EVENT_PROCESS_FORK: return "process_fork";
    case EVENT_PROCESS_EXEC: return "process_exec";
    case EVENT_PROCESS_EXIT: return "process_exit";
    case EVENT_THREAD_START: return "thread_start";
    case EVENT_THREAD_END: return "thread_end";
    case EVENT_TRAINING: return "training";
    case EVENT_FILE: return "file";
    case EVENT_CUDA_FAILURE: return "cuda_failure";
    case EVENT_GPU_BATCH: return "gpu_batch";
    case EVENT_TASK_START: return "task_start";
    case EVENT_TASK_ENTER: return "task_enter";
    case EVENT_WORK: return "work";
    case EVENT_SOCKET_CLAIM: return "socket_claim";
    case EVENT_IMAGE_MAPPED: return "image_mapped";
    case EVENT_TRACE_IDS: return "trace_ids";
  }
  return "unknown";
}

}  // namespace tacit::event
