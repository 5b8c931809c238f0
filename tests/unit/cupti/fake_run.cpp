// SPDX-License-Identifier: Apache-2.0
#include "fake_run.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace tacit::cupti {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One block at `bytes`; what is wrong with it goes to `recording.problems`.
void read_block(const char* bytes, Recording& recording) {
  RecordedBlock block;
  std::memcpy(&block.header, bytes, sizeof(block.header));
  for (uint32_t at = 1; at <= block.header.slots; ++at) {
    gpu_record record;
    std::memcpy(&record, bytes + GPU_SLOT_BYTES * size_t{at}, sizeof(record));
    if (record.kind != GPU_RECORD_NAME) {
      if (record.name != 0 && !recording.names.contains(record.name))
        recording.problems.push_back("a record before its name");
      block.records.push_back(record);
      continue;
    }
    const auto text_slots = (record.bytes + GPU_SLOT_BYTES - 1) / GPU_SLOT_BYTES;
    if (record.bytes > GPU_NAME_BYTES || at + text_slots > block.header.slots) {
      recording.problems.push_back("a name does not end in its block");
      break;
    }
    recording.names[record.name].assign(bytes + GPU_SLOT_BYTES * (size_t{at} + 1), record.bytes);
    at += static_cast<uint32_t>(text_slots);
  }
  if (block.header.sequence != recording.blocks.size())
    recording.problems.push_back("a gap in the sequence");
  recording.blocks.push_back(std::move(block));
}

}  // namespace

std::vector<gpu_record> Recording::of_kind(gpu_record_kind kind) const {
  std::vector<gpu_record> found;
  for (const auto& block : blocks)
    for (const auto& record : block.records)
      if (record.kind == kind) found.push_back(record);
  return found;
}

size_t Recording::records() const {
  size_t count = 0;
  for (const auto& block : blocks) count += block.records.size();
  return count;
}

bool Recording::had_state(gpu_tracer_state state) const {
  for (const auto& block : blocks)
    if (block.header.state == static_cast<uint32_t>(state)) return true;
  return false;
}

Recording read_recording(const fs::path& file) {
  Recording recording;
  const std::string bytes = read_file(file);
  for (size_t at = 0; at < bytes.size();) {
    gpu_batch_header header{};
    if (bytes.size() - at >= sizeof(header)) std::memcpy(&header, bytes.data() + at, sizeof(header));
    const size_t block_bytes = GPU_SLOT_BYTES * (size_t{1} + header.slots);
    if (header.magic != GPU_BATCH_MAGIC || header.slots > GPU_BATCH_SLOTS ||
        bytes.size() - at < block_bytes) {
      recording.problems.push_back("no block at " + std::to_string(at));
      break;
    }
    read_block(bytes.data() + at, recording);
    at += block_bytes;
  }
  return recording;
}

FakeRun::FakeRun(int major) {
  std::string pattern = (fs::temp_directory_path() / "tacit-cupti-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  const fs::path fakes = fs::path(TACIT_FAKE_APP).parent_path();
  cupti_ = (fakes / ("libcupti.so." + std::to_string(major))).string();
  environment_ = {{"PATH", "/usr/bin:/bin"},
                  {"LD_LIBRARY_PATH", fakes.string()},
                  {"CUDA_INJECTION64_PATH", TACIT_CUPTI_LIBRARY},
                  {"TACIT_CUPTI_BUDGET", "1"},  // how slow this machine is shall not matter
                  {"TACIT_CUPTI_FILE", (folder_ / "blocks").string()},
                  {"FAKE_CUPTI_LOG", (folder_ / "calls").string()}};
}

FakeRun::~FakeRun() { fs::remove_all(folder_); }

FakeRun& FakeRun::set(const std::string& name, const std::string& value) {
  environment_[name] = value;
  return *this;
}

FakeRun& FakeRun::without(const std::string& name) {
  if (name == "cupti") cupti_.clear();
  environment_.erase(name);
  return *this;
}

int FakeRun::run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TACIT_FAKE_APP);
  if (!cupti_.empty()) arguments.insert(arguments.end(), {"--cupti", cupti_});
  std::vector<char*> argv, envp;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment;
  for (const auto& [name, value] : environment_) environment.push_back(name + "=" + value);
  for (auto& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);

  const std::string out = (folder_ / "out").string();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return 127;
  int status = 0;
  ::waitpid(pid, &status, 0);
  output_ = read_file(out);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

uint32_t FakeRun::tid() const {
  const auto at = output_.find("tid=");
  return at == std::string::npos ? 0 : static_cast<uint32_t>(std::stoul(output_.substr(at + 4)));
}

std::vector<std::string> FakeRun::cupti_calls() const {
  std::vector<std::string> calls;
  std::ifstream in(folder_ / "calls");
  for (std::string line; std::getline(in, line);) calls.push_back(line);
  return calls;
}

}  // namespace tacit::cupti
