// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/process_metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/metrics/process_figures.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::metrics {
namespace {

namespace fs = std::filesystem;

class FakeProc {
 public:
  FakeProc() {
    std::string name = (fs::temp_directory_path() / "tacit_proc_XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    write("stat", "cpu  1 2 3\nintr 4 5\nbtime 1700000000\nprocesses 9\n");
  }
  ~FakeProc() { fs::remove_all(root_); }

  std::string root() const { return root_.string(); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  // CPU 2.5 s, start 50 s after boot, 1 MB virtual, 3 pages resident.
  void add(int pid, const std::string& comm = "python3") const {
    const std::string folder = std::to_string(pid);
    write(folder + "/stat", folder + " (" + comm +
                                ") S 1 2 3 0 -1 4194560 1 0 0 0 150 100 7 8 20 0 4 0 5000 1000000 3 "
                                "18446744073709551615 1 1\n");
    write(folder + "/limits",
          "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max processes             unlimited            unlimited            processes \n"
          "Max open files            1024                 524288               files     \n");
    for (const char* fd : {"0", "1", "2", "17"}) write(folder + "/fd/" + fd, "");
  }

 private:
  fs::path root_;
};

telemetry::ResourcePtr shared(const char* name) {
  return std::make_shared<const telemetry::Resource>(resource(2, name));
}

Families collect(const ProcessMetrics& processes) {
  FamilySet set;
  processes.add_to(set, {{"job", "tacit"}, {"instance", "host"}});
  return set.take();
}

double value(const Families& families, const std::string& name, const std::string& pid) {
  const auto* metric = series(families, name,
                              {{"job", "api"}, {"instance", "host:8000"}, {"process_pid", pid}});
  if (metric == nullptr) return -1;
  return family(families, name)->type == prometheus::MetricType::Counter ? metric->counter.value
                                                                        : metric->gauge.value;
}

TEST(ProcessMetrics, ReadsEveryFigure) {
  FakeProc proc;
  proc.add(77, "a) R (b");  // a name that looks like fields
  ProcessMetrics processes(proc.root(), 10);
  processes.set({{77, 0, shared("api")}});
  const Families families = collect(processes);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(value(families, "process_cpu_seconds_total", "77"), 250 / ticks);
  EXPECT_EQ(value(families, "process_resident_memory_bytes", "77"),
            3.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(value(families, "process_virtual_memory_bytes", "77"), 1'000'000);
  EXPECT_EQ(value(families, "process_open_fds", "77"), 4);
  EXPECT_EQ(value(families, "process_max_fds", "77"), 1024);
  EXPECT_DOUBLE_EQ(value(families, "process_start_time_seconds", "77"),
                   1'700'000'000 + 5000 / ticks);
}

TEST(ProcessMetrics, AVanishedProcessIsLeftOut) {
  FakeProc proc;
  proc.add(77);
  ProcessMetrics processes(proc.root(), 10);
  processes.set({{78, 0, shared("api")}, {77, 0, shared("api")}});
  EXPECT_EQ(series_count(collect(processes), "process_cpu_seconds_total"), 1u);
  proc.write("77/stat", "garbage");
  EXPECT_EQ(series_count(collect(processes), "process_cpu_seconds_total"), 0u);
  proc.write("77/stat", "77 (x) S 1 2");
  EXPECT_EQ(series_count(collect(processes), "process_cpu_seconds_total"), 0u);
}

TEST(ProcessMetrics, AReusedPidIsAnotherProcess) {
  FakeProc proc;
  proc.add(77);
  ProcessMetrics processes(proc.root(), 10);
  const auto ticks = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  const uint64_t start_ns = 5000 * (1'000'000'000 / ticks) + 3'456'789;  // within the tick
  processes.set({{77, start_ns, shared("api")}});
  EXPECT_EQ(series_count(collect(processes), "process_cpu_seconds_total"), 1u);
  processes.set({{77, start_ns + 1'000'000'000, shared("api")}});
  EXPECT_EQ(series_count(collect(processes), "process_cpu_seconds_total"), 0u);
}

TEST(ProcessMetrics, UnlimitedAndUnreadableHaveNoSeries) {
  FakeProc proc;
  proc.add(77);
  proc.write("77/limits", "Max open files            unlimited            unlimited   files\n");
  fs::remove_all(fs::path(proc.root()) / "77/fd");
  ProcessMetrics processes(proc.root(), 10);
  processes.set({{77, 0, shared("api")}});
  const Families families = collect(processes);
  EXPECT_EQ(family(families, "process_max_fds"), nullptr);
  EXPECT_EQ(family(families, "process_open_fds"), nullptr);
}

TEST(ProcessMetrics, WhatIsBeyondTheLimitIsCounted) {
  FakeProc proc;
  std::vector<ObservedProcess> all;
  for (uint32_t pid = 1; pid <= 5; ++pid) {
    proc.add(static_cast<int>(pid));
    all.push_back({pid, 0, shared("api")});
  }
  ProcessMetrics processes(proc.root(), 3);
  processes.set(all);
  const Families families = collect(processes);
  EXPECT_EQ(series_count(families, "process_cpu_seconds_total"), 3u);
  EXPECT_EQ(series(families, "tacit_unreported_processes", {{"job", "tacit"}, {"instance", "host"}})
                ->gauge.value,
            2);
}

TEST(ProcessFigures, TheRealProcKnowsThisProcess) {
  const auto figures = read_process("/proc", static_cast<uint32_t>(::getpid()));
  ASSERT_TRUE(figures.has_value());
  EXPECT_GT(figures->resident_bytes, 0u);
  EXPECT_GT(figures->virtual_bytes, figures->resident_bytes);
  EXPECT_GE(figures->open_fds.value(), 3u);
  EXPECT_GT(read_boot_time("/proc"), 1'000'000'000);
}

}  // namespace
}  // namespace tacit::metrics
