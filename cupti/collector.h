// SPDX-License-Identifier: Apache-2.0
// From CUPTI's side to the outbox: notes launches, gives CUPTI its buffers, and turns the records of
// filled ones into gpu_records joined with their launches. Every function may run on any thread, also
// the application's, and waits for nothing but the outbox's short lock.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cupti/buffer_pool.h"
#include "cupti/cupti_library.h"
#include "cupti/figures.h"
#include "cupti/launch_table.h"
#include "cupti/outbox.h"
#include "cupti/thread_id.h"

namespace tacit::cupti {

class Collector {
 public:
  // `cupti` is read once buffers come; all three outlive this.
  Collector(Figures& figures, Outbox& outbox, const CuptiFunctions& cupti)
      : figures_(figures), outbox_(outbox), cupti_(cupti) {}

  bool map() { return launches_.map() && buffers_.map(); }

  // The launch callback: at the beginning of an API call.
  void note_launch(uint32_t correlation);
  void request(uint8_t** buffer, size_t* bytes, size_t* max_records);
  // True: a block is finished, so the thread that hands over has something to do.
  bool completed(void* context, uint32_t stream, uint8_t* buffer, size_t valid_bytes);

  // Ever, for those who judge what goes on.
  struct Counts {
    uint64_t calls = 0;  // about: one in kSampled is counted
    uint64_t buffers = 0;
    uint64_t graph_kernels = 0;
    uint64_t other_kernels = 0;
  };
  Counts counts() const;

 private:
  static constexpr uint32_t kSampled = 64;  // one callback in so many is timed and counted
  static constexpr uint64_t kLongestCallback_ns = 2000;
  static constexpr size_t kEntries = 64;
  static constexpr uint64_t kOldestLaunch_ns = 3'600'000'000'000;  // older: the id of another epoch

  struct Batch {
    Outbox::Entry entries[kEntries];
    size_t count = 0;
    bool finished_block = false;
    uint64_t graph_kernels = 0, other_kernels = 0;
  };
  void take_in(const void* activity, bool keep, Batch& batch);
  void join(gpu_record& record);
  void name_device(gpu_record& record);
  void put(Batch& batch);

  Figures& figures_;
  Outbox& outbox_;
  const CuptiFunctions& cupti_;
  LaunchTable launches_;
  BufferPool buffers_;
  ThreadIds threads_;
  // By context id: id << 16 | device + 1, learned from kernels and copies; a wait names no device.
  std::atomic<uint32_t> devices_[64] = {};
  std::atomic<uint64_t> sampled_calls_{0};
  std::atomic<uint64_t> completed_buffers_{0};
  std::atomic<uint64_t> graph_kernels_{0};
  std::atomic<uint64_t> other_kernels_{0};
};

}  // namespace tacit::cupti
