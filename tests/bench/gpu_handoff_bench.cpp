// SPDX-License-Identifier: Apache-2.0
// What the injected library costs, without CUPTI: the launch callback, and a record's way from
// CUPTI's buffer to the hand-over (the probe with nobody attached, or a file). One thread; the
// paced runs put 10,000 to 500,000 records a second through and tell the share of a core.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cupti/collector.h"
#include "cupti/courier.h"
#include "cupti/cupti_abi.h"
#include "cupti/monotonic.h"
#include "cupti/outbox.h"
#include "cupti/usdt.h"

namespace tacit::cupti {
namespace {

constexpr size_t kKernelBytes = 216;  // CUDA 13.0
constexpr size_t kRecords = BufferPool::kBytes / kKernelBytes;
constexpr size_t kNames = 40;

int next_record(uint8_t* buffer, size_t valid_bytes, void** record) {
  const size_t at = *record == nullptr
                        ? 0
                        : static_cast<size_t>(static_cast<uint8_t*>(*record) - buffer) + kKernelBytes;
  if (at >= valid_bytes) return kMaxLimitReached;
  *record = buffer + at;
  return kSuccess;
}

int dropped_records(void*, uint32_t, size_t* dropped) {
  *dropped = 0;
  return kSuccess;
}

// The library without its CUPTI, and a buffer of kernels as CUPTI would fill it.
struct Bench {
  Bench() {
    cupti.next_record = next_record;
    cupti.dropped_records = dropped_records;
    figures.cupti_version = 130001;
    if (!outbox.map() || !collector.map()) std::abort();
    for (size_t at = 0; at < kNames; ++at)
      names.push_back("_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_" + std::string(60 + at, 'x'));
  }
  uint8_t* filled_buffer(uint32_t first) {
    uint8_t* buffer = nullptr;
    size_t bytes = 0, most = 0;
    collector.request(&buffer, &bytes, &most);
    const uint64_t now_ns = monotonic_ns();
    for (size_t at = 0; at < kRecords; ++at) {
      uint8_t* record = buffer + at * kKernelBytes;
      put<uint32_t>(record, 0, kActivityConcurrentKernel);
      put<uint64_t>(record, 16, now_ns + 1000 * at);
      put<uint64_t>(record, 24, now_ns + 1000 * at + 900);
      put<uint32_t>(record, 44, 1);
      put<uint32_t>(record, 92, first + static_cast<uint32_t>(at));
      put<const char*>(record, 104, names[at % kNames].c_str());
    }
    return buffer;
  }
  template <typename T>
  static void put(uint8_t* record, size_t at, T value) {
    std::memcpy(record + at, &value, sizeof(value));
  }
  void collect(uint8_t* buffer) {
    collector.completed(nullptr, 0, buffer, kRecords * kKernelBytes);
  }
  void hand_over(bool fire) {
    if (!fire) return courier.deliver(true);
    while (GpuBlock* block = outbox.take(true)) {
      fire_gpu_batch(block, block->bytes());
      outbox.release();
    }
  }

  CuptiFunctions cupti;
  Figures figures;
  Outbox outbox;
  Collector collector{figures, outbox, cupti};
  Courier courier{figures, outbox};
  std::vector<std::string> names;
};

void launch_callback(benchmark::State& state) {
  const auto bench = std::make_unique<Bench>();
  uint32_t correlation = 1;
  for (auto _ : state) bench->collector.note_launch(correlation++);
}
BENCHMARK(launch_callback);

void nested_callback(benchmark::State& state) {
  const auto bench = std::make_unique<Bench>();
  bench->collector.note_launch(7);
  for (auto _ : state) bench->collector.note_launch(7);
}
BENCHMARK(nested_callback);

enum class Part { kCollect, kProbe, kFile };

// CPU time a record of one part: from CUPTI's buffer to a block, or the block's hand-over.
void one_record(benchmark::State& state, Part part) {
  const auto bench = std::make_unique<Bench>();
  if (part == Part::kFile) bench->courier.open("/dev/null");
  uint32_t first = 1;
  for (auto _ : state) {
    for (uint32_t at = 0; at < kRecords; ++at) bench->collector.note_launch(first + at);
    uint8_t* buffer = bench->filled_buffer(first);
    const uint64_t begun_ns = thread_cpu_ns();
    bench->collect(buffer);
    const uint64_t collected_ns = thread_cpu_ns();
    bench->hand_over(part != Part::kFile);
    const uint64_t spent_ns =
        part == Part::kCollect ? collected_ns - begun_ns : thread_cpu_ns() - collected_ns;
    state.SetIterationTime(static_cast<double>(spent_ns) / 1e9);
    first += kRecords;
  }
  state.counters["s/record"] = benchmark::Counter(
      static_cast<double>(kRecords) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["dropped"] = static_cast<double>(bench->figures.dropped.load());
}
BENCHMARK_CAPTURE(one_record, collect, Part::kCollect)->UseManualTime();
BENCHMARK_CAPTURE(one_record, hand_over_by_probe, Part::kProbe)->UseManualTime();
BENCHMARK_CAPTURE(one_record, hand_over_to_file, Part::kFile)->UseManualTime();

// Records a second for one second: the library's share of a core, launches included.
void paced(benchmark::State& state) {
  const auto bench = std::make_unique<Bench>();
  bench->courier.open("/dev/null");
  const auto rate = static_cast<uint64_t>(state.range(0));
  uint64_t busy_ns = 0, records = 0;
  uint32_t first = 1;
  for (auto _ : state) {
    const uint64_t begun_ns = monotonic_ns();
    for (uint64_t done = 0; done < rate; done += kRecords) {
      uint8_t* buffer = bench->filled_buffer(first);
      const uint64_t from_ns = thread_cpu_ns();
      for (uint32_t at = 0; at < kRecords; ++at) bench->collector.note_launch(first + at);
      bench->collect(buffer);
      bench->hand_over(false);
      busy_ns += thread_cpu_ns() - from_ns;
      first += kRecords;
      records += kRecords;
      const uint64_t due_ns = begun_ns + done * kSecond_ns / rate;
      const uint64_t now_ns = monotonic_ns();
      if (due_ns > now_ns) ::usleep(static_cast<useconds_t>((due_ns - now_ns) / 1000));
    }
  }
  state.counters["core_share"] =
      static_cast<double>(busy_ns) / (static_cast<double>(records) / static_cast<double>(rate) * 1e9);
  state.counters["dropped"] = static_cast<double>(bench->figures.dropped.load());
}
BENCHMARK(paced)->Arg(10'000)->Arg(50'000)->Arg(100'000)->Arg(500'000)->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tacit::cupti

BENCHMARK_MAIN();
