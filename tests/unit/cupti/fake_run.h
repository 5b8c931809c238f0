// SPDX-License-Identifier: Apache-2.0
// Runs fake_cuda_app with the library injected and reads what it recorded (the file sink's blocks).
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bpf/events/gpu_batch.h"

namespace tacit::cupti {

struct RecordedBlock {
  gpu_batch_header header;
  std::vector<gpu_record> records;  // without names
};

// Everything of one run. `problems` are violations of the format: empty in a good recording.
struct Recording {
  std::vector<RecordedBlock> blocks;
  std::map<uint32_t, std::string> names;
  std::vector<std::string> problems;

  std::vector<gpu_record> of_kind(gpu_record_kind kind) const;
  size_t records() const;
  const gpu_batch_header& last() const { return blocks.back().header; }
  bool had_state(gpu_tracer_state state) const;
};
Recording read_recording(const std::filesystem::path& file);

class FakeRun {
 public:
  // The library's file sink is on, and a CUPTI of `major` is mapped before CUDA starts.
  explicit FakeRun(int major = 13);
  ~FakeRun();

  FakeRun& set(const std::string& name, const std::string& value);
  FakeRun& without(const std::string& name);
  // Runs to the end; the exit status, 128 + signal for a crash.
  int run(std::vector<std::string> arguments);

  std::string output() const { return output_; }  // stdout and stderr
  uint32_t tid() const;                           // of the program's first thread
  std::vector<std::string> cupti_calls() const;   // as the fake CUPTI logged them
  Recording recording() const { return read_recording(folder_ / "blocks"); }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::string> environment_;
  std::string cupti_;
  std::string output_;
};

}  // namespace tacit::cupti
