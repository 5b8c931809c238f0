// SPDX-License-Identifier: Apache-2.0
// Looks into followed processes for runtimes that we know, tells the kernel side where they keep what
// they run, and attaches the uprobes that belong to them: one set of links a process, gone with it.
// ProbeSet owns it; loop thread.
//
// To add a runtime: recognise_NAME() in agent/runtime fills a KnownImage; its BPF object is loaded by
// ProbeSet, which hands each program over by add_program().
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/probe/link_closer.h"
#include "agent/probe/probe_control.h"
#include "agent/probe/uprobe_attacher.h"
#include "agent/runtime/known_image.h"
#include "agent/runtime/memory_map.h"

namespace tacit::probe {

class RuntimeProbes {
 public:
  using SetRuntime = std::function<void(uint32_t pid, const followed_process&)>;
  RuntimeProbes(UprobeMechanism mechanism, const runtime::Interests& interests,
                SetRuntime set_runtime);
  ~RuntimeProbes();

  // `fd` stays the caller's.
  void add_program(const std::string& name, int fd);

  // Call when a process is followed, was forked, or mapped code; once for many such events of one
  // process is enough. After an exec: forget(), then inspect(). Reads its maps once; what is known of
  // a file is remembered.
  // Returns what it is found to run.
  Inspection inspect(uint32_t pid);
  // Whether this BPF program hears of the process.
  bool attached(uint32_t pid, const std::string& program) const;
  // The process ended, was replaced by an exec, or is no longer followed: detaches.
  void forget(uint32_t pid);

  // Sentences, each once: what is not seen and why.
  const std::set<std::string>& refused() const { return refused_; }
  uint64_t refused_count() const { return refused_count_.load(std::memory_order_relaxed); }  // any thread
  size_t attached_links() const;

 private:
  // A file as it is now: one that was rewritten in place is another.
  struct FileVersion {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t size_bytes = 0;
    uint64_t changed_ns = 0;
    auto operator<=>(const FileVersion&) const = default;
  };
  using Known = std::shared_ptr<const runtime::KnownImage>;
  struct Image {
    Known known;
    std::string path;
    std::vector<UprobeLink> links;
    std::set<std::string> attached;  // names of programs; what failed is not tried again
  };
  struct Process {
    std::map<FileVersion, Image> images;  // those that were looked at
    std::set<std::string> provided;
    followed_process told{};  // as the kernel side was
  };

  void look_at(uint32_t pid, const runtime::MappedImage& image, bool glibc, Process& process);
  void attach_more(uint32_t pid, Process& process);
  bool attach(uint32_t pid, const runtime::ProbePlan& plan, const std::string& path, Image& image);
  void detach(Image& image);
  void refuse(const std::string& sentence);
  Known known(const std::string& path, const std::string& name, const FileVersion& version);

  UprobeMechanism mechanism_;
  const runtime::Interests interests_;
  SetRuntime set_runtime_;
  std::map<std::string, int> programs_;
  std::map<FileVersion, Known> images_;
  std::map<uint32_t, Process> processes_;
  std::set<std::string> refused_;
  std::atomic<uint64_t> refused_count_{0};
  LinkCloser closer_;
};

}  // namespace tacit::probe
