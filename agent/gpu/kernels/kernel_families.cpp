// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_families.h"

#include <string>
#include <utility>

#include "agent/gpu/process_series.h"

namespace tacit::gpu {
namespace {

using metrics::Labels;

constexpr std::array<const char*, GPU_TRACER_STATE_COUNT> kStateNames = {
    "waiting", "active",  "no_copies",   "graphs", "duty_cycle",
    "off",     "yielded", "unsupported", "failed"};

// prometheus-cpp's plain structs, as telemetry::MetricSource has them.
void add_latency(metrics::FamilySet& families, const Labels& labels, const LaunchLatency& latency) {
  prometheus::ClientMetric metric;
  metric.label = labels;
  uint64_t sum = 0;
  for (size_t i = 0; i < latency.kBoundsNs.size(); ++i) {
    sum += latency.counts[i];
    metric.histogram.bucket.push_back({sum, seconds(latency.kBoundsNs[i])});
  }
  sum += latency.counts.back();
  if (sum == 0) return;
  metric.histogram.sample_count = sum;
  metric.histogram.sample_sum = seconds(latency.sum_ns);
  families.append({{"gpu_launch_latency_seconds",
                    "From the launch of a kernel or graph on the host to its start on the device",
                    prometheus::MetricType::Histogram,
                    {std::move(metric)}}});
}

void add_moved(metrics::FamilySet& families, const Labels& labels, const DeviceWork& device) {
  for (size_t i = 0; i < kCopyDirections; ++i) {
    const Moved& copy = device.copies[i];
    if (copy.count == 0) continue;
    const Labels own = with(labels, "direction", kCopyDirectionNames[i]);
    families.add_counter("gpu_copy_bytes_total", "Bytes copied", own,
                         static_cast<double>(copy.bytes));
    families.add_counter("gpu_copy_time_seconds_total", "Device time of copies", own,
                         seconds(copy.time_ns));
    families.add_counter("gpu_copies_total", "Copies", own, static_cast<double>(copy.count));
  }
  if (device.sets.count == 0) return;
  families.add_counter("gpu_memset_bytes_total", "Bytes set by memsets", labels,
                       static_cast<double>(device.sets.bytes));
}

void add_device(metrics::FamilySet& families, const Labels& labels, DeviceWork& device,
                std::optional<double> busy_ratio) {
  for (size_t i = 0; i < kKernelClasses; ++i) {
    if (device.class_count[i] == 0) continue;
    const Labels own = with(labels, "class", kKernelClassNames[i]);
    families.add_counter("gpu_kernel_time_seconds_total",
                         "Device time of kernels, graphs, copies and memsets, by what they do; those that "
                         "run at once count each",
                         own, seconds(device.class_ns[i]));
    families.add_counter("gpu_kernels_total", "Kernels, graphs, copies and memsets that ended", own,
                         static_cast<double>(device.class_count[i]));
  }
  families.add_counter("gpu_busy_seconds_total",
                       "Time in which a kernel of the process ran, each moment counted once", labels,
                       seconds(device.busy.covered_ns()));
  if (busy_ratio)
    families.add_gauge("gpu_busy_ratio",
                       "Share of the last seconds in which a kernel of the process ran", labels,
                       *busy_ratio);
  add_moved(families, labels, device);
  if (device.sync_count != 0)
    families.add_counter("gpu_sync_wait_seconds_total",
                         "Time that threads waited for the device", labels,
                         seconds(device.sync_wait_ns));
  if (device.graph_launches != 0)
    families.add_counter("gpu_graph_launches_total", "Launches of CUDA graphs told as a whole", labels,
                         static_cast<double>(device.graph_launches));
  add_latency(families, labels, device.latency);
}

void add_top(metrics::FamilySet& families, const Labels& labels, const TopKernels& top) {
  auto figures = top.named();
  if (top.other().count != 0) figures.push_back(top.other());
  for (auto& each : figures)
    families.add_counter("gpu_top_kernel_time_seconds_total",
                         "Device time of the kernels that take most of it", 
                         with(labels, "kernel", std::move(each.label)), seconds(each.time_ns));
}

void add_tracer(metrics::FamilySet& families, const Labels& labels, const ProcessKernels& process) {
  const auto counter = [&](const char* name, const char* help, double value) {
    families.add_counter(name, help, labels, value);
  };
  counter("tacit_gpu_records_total", "Records of kernels and the like that were handed over and read",
          static_cast<double>(process.records()));
  counter("tacit_gpu_records_dropped_total",
          "Records lost in the process: CUPTI's own drops and full queues",
          static_cast<double>(process.dropped()));
  counter("tacit_gpu_records_lost_total",
          "Records (and names) handed over and not read: the ring was full, or they were too many",
          static_cast<double>(process.lost_slots()));
  counter("tacit_gpu_blocks_lost_total", "Blocks of records that never came, by gaps in their numbers",
          static_cast<double>(process.lost_blocks()));
  counter("tacit_gpu_tracer_overhead_seconds_total", "The tracer's own time in the process",
          seconds(process.overhead_ns()));
  counter("tacit_gpu_late_busy_seconds_total",
          "Kernel time that came too late to be counted as busy time", seconds(process.late_busy_ns()));
  constexpr const char* kInvalid = "tacit_gpu_records_invalid_total";
  constexpr const char* kInvalidHelp = "Records of no use: `tracer` as the library found, else the agent";
  families.add_counter(kInvalid, kInvalidHelp, with(labels, "reason", "tracer"),
                       static_cast<double>(process.invalid()));
  for (size_t i = 0; i < kRecordFaults; ++i)
    families.add_counter(kInvalid, kInvalidHelp, with(labels, "reason", kRecordFaultNames[i]),
                         static_cast<double>(process.faults()[i]));
  for (size_t i = 0; i < kLinkRules; ++i)
    families.add_counter("gpu_kernel_linked_time_seconds_total",
                         "Kernel time by how its request, step or phase was found; `none`: it was not",
                         with(labels, "rule", kLinkRuleNames[i]), seconds(process.linked_ns()[i]));
  if (process.state() < kStateNames.size())
    families.add_gauge("tacit_gpu_tracer_state", "1 for what the tracer in the process is doing",
                       with(labels, "state", kStateNames[process.state()]), 1);
}

}  // namespace

void add_kernel_families(metrics::FamilySet& families, uint32_t pid, ProcessKernels& process,
                         uint64_t now_ns) {
  const Labels labels = process_labels(pid, *process.resource);
  add_tracer(families, labels, process);
  add_top(families, labels, process.top());
  for (auto& [number, device] : process.devices())
    add_device(families, with(labels, "device", std::to_string(number)), device,
               process.exited_ns == 0 ? process.busy_ratio(number, now_ns) : std::nullopt);
}

}  // namespace tacit::gpu
