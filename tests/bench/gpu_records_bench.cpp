// SPDX-License-Identifier: Apache-2.0
// The agent's cost of one kernel record, from a full block to the figures.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "agent/event/decode.h"
#include "agent/gpu/kernels/kernel_tracer.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;

struct Setting {
  KernelTracer tracer{{}, "/nonexistent"};
  telemetry::ResourcePtr resource = std::make_shared<telemetry::Resource>();
  std::vector<uint64_t> storage;
  gpu_block* block = nullptr;
  uint64_t now_ns = kNow;

  Setting() : storage((sizeof(gpu_batch_event) + sizeof(gpu_block)) / 8) {
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    event->header.type = EVENT_GPU_BATCH;
    event->header.pid = 7;
    block = reinterpret_cast<gpu_block*>(event + 1);
    start_block(block, 0, kNow);
    for (uint32_t name = 1; name <= 32; ++name)
      add_name(block, name, ("triton_poi_fused_add_" + std::to_string(name)).c_str());
    hand_over();
  }

  void hand_over() {
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    event->header.time_ns = now_ns;
    event->bytes = static_cast<uint32_t>(block_bytes(block));
    const auto decoded = event::decode(std::as_bytes(std::span(storage)).first(
        sizeof(gpu_batch_event) + event->bytes));
    tracer.on_batch(std::get<event::GpuBatch>(*decoded), resource);
  }

  // 128 kernels of 6 us, one every 10 us a stream.
  void fill(uint32_t streams) {
    start_block(block, block->header.sequence + 1, now_ns);
    const uint64_t base = now_ns - 10'000'000;
    for (uint32_t i = 0; i < GPU_BATCH_SLOTS; ++i) {
      const uint64_t start = base + (i / streams) * 10'000 + (i % streams) * 1'700;
      auto* record = add_record(block, GPU_RECORD_KERNEL, start - 20'000, start, start + 6'000);
      record->name = 1 + i % 32;
      record->tid = 7;
    }
    now_ns += GPU_BATCH_SLOTS / streams * 10'000;
  }
};

void run(benchmark::State& state, Setting& setting, uint32_t streams) {
  for (auto _ : state) {
    setting.fill(streams);
    setting.hand_over();
    if (setting.block->header.sequence % 780 == 0) setting.tracer.tick(setting.now_ns);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * GPU_BATCH_SLOTS);
}

void in_order(benchmark::State& state) {
  Setting setting;
  run(state, setting, 1);
}
BENCHMARK(in_order);

void eight_streams(benchmark::State& state) {
  Setting setting;
  run(state, setting, 8);
}
BENCHMARK(eight_streams);

// A training step of 10 ms around each 1,000 kernels, in one long phase.
void in_windows(benchmark::State& state) {
  Setting setting;
  setting.tracer.windows().open({7, 7, kNow - 20'000'000, WindowKind::kPhase});
  WindowId step = kNoWindow;
  for (auto _ : state) {
    if (setting.block->header.sequence % 8 == 0) {
      setting.tracer.windows().close(step, setting.now_ns - 10'000'000);
      setting.tracer.windows().take(step);
      step = setting.tracer.windows().open({7, 7, setting.now_ns - 10'000'000, WindowKind::kStep});
    }
    setting.fill(1);
    setting.hand_over();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * GPU_BATCH_SLOTS);
}
BENCHMARK(in_windows);

// The worst order for the busy time.
void backwards(benchmark::State& state) {
  Setting setting;
  uint64_t start = kNow - 1;
  for (auto _ : state) {
    start_block(setting.block, setting.block->header.sequence + 1, kNow);
    for (uint32_t i = 0; i < GPU_BATCH_SLOTS; ++i, start -= 10)
      add_record(setting.block, GPU_RECORD_KERNEL, 0, start - 5, start);
    setting.hand_over();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * GPU_BATCH_SLOTS);
}
BENCHMARK(backwards);

void read_name(benchmark::State& state) {
  const std::string name =
      "_ZN2at6native29vectorized_elementwise_kernelILi8ENS0_13BinaryFunctorIdddZZZNS0_19maximum_kernel_cuda"
      "ERNS_18TensorIteratorBaseEENKUlvE0_clEvENKUlvE_clEvEUlddE_EESt5arrayIPcLm3EELb1EEEviT0_T1_";
  for (auto _ : state) benchmark::DoNotOptimize(read_kernel_name(name));
}
BENCHMARK(read_name);

}  // namespace
}  // namespace tacit::gpu

BENCHMARK_MAIN();
