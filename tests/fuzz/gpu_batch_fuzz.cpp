// SPDX-License-Identifier: Apache-2.0
// Arbitrary blocks of kernel records of three processes, with windows of time around them: decode,
// figures, links, page. Input: steps of 4 bytes {what, process, time, slots}, each block step followed by
// 64 bytes a slot, its header first (magic and slot count are put right, unless bit 7 of `what` is set).
// Checks: nothing crashes, counters that cannot wrap never fall, no series is there twice, labels
// are printable, what is remembered is bounded.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "agent/event/decode.h"
#include "agent/gpu/kernels/kernel_tracer.h"

namespace tacit {
namespace {

constexpr uint32_t kProcesses = 3;

void check(bool holds) {
  if (!holds) std::abort();
}

// What a target may claim without a bound, so that sums of it may wrap.
bool may_wrap(const std::string& name) {
  return name.find("bytes") != std::string::npos || name == "tacit_gpu_blocks_lost_total";
}

class Run {
 public:
  Run(const uint8_t* data, size_t size) : data_(data), left_(size) {
    resource_ = std::make_shared<telemetry::Resource>();
  }

  void run() {
    while (left_ >= 4) {
      const uint8_t* step = take(4);
      const uint32_t pid = 1 + step[1] % kProcesses;
      now_ns_ += uint64_t{step[2]} * 10'000'000;
      switch (step[0] % 8) {
        case 0: open(pid, step[3]); break;
        case 1: close(step[3]); break;
        case 2: tracer_.exited(pid, now_ns_); counters_.clear(); break;
        case 3: tracer_.tick(now_ns_); break;
        default: block(pid, step[0] & 0x80, step[3]);
      }
    }
    look();
    check(tracer_.windows().size() <= 8192);
  }

 private:
  const uint8_t* take(size_t count) {
    const uint8_t* at = data_;
    data_ += count;
    left_ -= count;
    return at;
  }

  void open(uint32_t pid, uint8_t choice) {
    windows_.push_back(tracer_.windows().open(
        {pid, choice % 4u, now_ns_, static_cast<gpu::WindowKind>(choice % gpu::kWindowKinds)}));
  }

  void close(uint8_t choice) {
    if (windows_.empty()) return;
    const size_t index = choice % windows_.size();
    tracer_.windows().close(windows_[index], now_ns_);
    if (choice & 0x80) return;
    tracer_.windows().settled(windows_[index], now_ns_);
    if (const auto sums = tracer_.windows().take(windows_[index]))
      check(sums->launches <= sums->kernels && sums->first_start_ns <= sums->last_end_ns);
    windows_.erase(windows_.begin() + static_cast<ptrdiff_t>(index));
  }

  void block(uint32_t pid, bool raw, uint32_t slots) {
    slots = std::min<uint32_t>(slots, GPU_BATCH_SLOTS);
    const size_t bytes = std::min<size_t>((slots + 1) * GPU_SLOT_BYTES, left_);
    std::vector<uint64_t> storage((sizeof(gpu_batch_event) + (slots + 1) * GPU_SLOT_BYTES) / 8);
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    auto* header = reinterpret_cast<gpu_batch_header*>(event + 1);
    std::memcpy(header, take(bytes), bytes);
    event->header = {.time_ns = now_ns_, .pid = pid, .tid = pid, .type = EVENT_GPU_BATCH, .pad = {}};
    event->bytes = (slots + 1) * GPU_SLOT_BYTES;
    event->lost_slots = static_cast<uint32_t>(header->pad);
    if (!raw) {
      header->magic = GPU_BATCH_MAGIC;
      header->slots = slots;
    }
    const auto decoded = event::decode(std::as_bytes(std::span(storage)));
    if (!decoded) return;
    if (!tracer_.traces(pid)) counters_.clear();  // another process of that number begins at 0
    tracer_.on_batch(std::get<event::GpuBatch>(*decoded), resource_);
    if (++blocks_ % 8 == 0) look();
  }

  void look() {
    std::map<std::string, double> now;
    for (const auto& family : tracer_.collect())
      for (const auto& metric : family.metric) {
        std::string key = family.name;
        for (const auto& label : metric.label) {
          key += "," + label.name + "=" + label.value;
          check(label.value.size() <= gpu::kMaxLabelBytes);
          for (const char c : label.value) check(c > 0x20 && c < 0x7f);
        }
        check(metric.counter.value >= 0 && metric.gauge.value >= 0);
        if (family.type == prometheus::MetricType::Counter && !may_wrap(family.name))
          check(now.emplace(key, metric.counter.value).second);  // each series once
      }
    for (const auto& [key, value] : counters_)
      if (const auto found = now.find(key); found != now.end()) check(found->second >= value);
    counters_ = std::move(now);
  }

  const uint8_t* data_;
  size_t left_;
  gpu::KernelTracer tracer_{{}, "/nonexistent"};
  telemetry::ResourcePtr resource_;
  std::vector<gpu::WindowId> windows_;
  std::map<std::string, double> counters_;
  uint64_t now_ns_ = 1'000'000'000'000;
  size_t blocks_ = 0;
};

}  // namespace
}  // namespace tacit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tacit::Run(data, size).run();
  return 0;
}
