// SPDX-License-Identifier: Apache-2.0
// What the figures of eight devices cost the agent: a round of reading them, without the time spent
// in the library (here a fake one, whose own speed says nothing), and a scrape's share.
//   FAKE_NVML_PROFILE=tests/fake_nvml/profiles/h100x8.profile LD_LIBRARY_PATH=… bench_device
#include <benchmark/benchmark.h>

#include <memory>

#include "agent/gpu/device/device_metrics.h"
#include "agent/gpu/device/device_sampler.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

uint64_t in_library_ns(const DeviceSnapshot& snapshot, uint64_t& calls) {
  uint64_t sum = 0;
  calls = 0;
  for (const CallCost& cost : snapshot.costs) {
    sum += cost.time_ns;
    calls += cost.calls;
  }
  return sum;
}

void round(benchmark::State& state) {
  DeviceSampler sampler;
  uint64_t now_ns = kSecond;
  sampler.round(now_ns);
  uint64_t calls = 0;
  uint64_t before_ns = in_library_ns(*sampler.snapshot(), calls);
  const uint64_t calls_before = calls;
  for (auto _ : state) {
    const uint64_t begin_ns = monotonic_ns();
    sampler.round(now_ns += kSecond);
    const uint64_t end_ns = monotonic_ns();
    const uint64_t library_ns = in_library_ns(*sampler.snapshot(), calls);
    state.SetIterationTime(static_cast<double>(end_ns - begin_ns - (library_ns - before_ns)) / 1e9);
    before_ns = library_ns;
  }
  state.counters["devices"] = static_cast<double>(sampler.snapshot()->devices.size());
  state.counters["calls"] =
      static_cast<double>(calls - calls_before) / static_cast<double>(state.iterations());
}
BENCHMARK(round)->UseManualTime()->Unit(benchmark::kMicrosecond);

void collect(benchmark::State& state) {
  DeviceSampler sampler;
  for (uint64_t i = 1; i <= 3; ++i) sampler.round(i * kSecond);
  const auto self = std::make_shared<telemetry::Resource>();
  const auto none = std::make_shared<const std::vector<metrics::ObservedProcess>>();
  const DeviceMetrics metrics({self, "host", state.range(0) == 1, 2000,
                               [&] { return sampler.snapshot(); }, [&] { return none; },
                               [] { return 3 * kSecond; }});
  size_t series = 0;
  for (auto _ : state) {
    const auto families = metrics.collect();
    series = 0;
    for (const auto& family : families) series += family.metric.size();
    benchmark::DoNotOptimize(series);
  }
  state.counters["series"] = static_cast<double>(series);
}
BENCHMARK(collect)->ArgName("dcgm")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tacit::gpu

BENCHMARK_MAIN();
