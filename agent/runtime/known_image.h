// SPDX-License-Identifier: Apache-2.0
// What is known of one mapped file: which runtime it holds, where that keeps what runs on a thread,
// and which instructions BPF programs shall be told of. Computed once a file (device and inode).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/elf_image.h"
#include "bpf/events/followed_process.h"

namespace tacit::runtime {

struct ProbePoint {
  uint64_t file_offset = 0;
  uint64_t cookie = 0;  // ValuePlace::cookie(), or what the program says it wants
  // USDT: of a 16-bit counter in the file's data that tells the target that it is observed; 0: none.
  uint64_t semaphore_offset = 0;
};

// Points of one BPF program in this file.
struct ProbePlan {
  std::string program;  // as the function in bpf/*.bpf.c is called
  std::vector<ProbePoint> points = {};
  std::string needs = {};  // what another image of the process must provide; empty: nothing
};

inline constexpr std::string_view kProvidesUvloop = "uvloop";

// ctx_entered in a context of CPython 3.7 to 3.13 (Include/internal/pycore_context.h).
inline constexpr uint32_t kPythonContextEntered = 40;

struct KnownImage {
  // kind RUNTIME_UNKNOWN: the file holds no runtime. Addresses in it are as linked; the load bias of
  // each process is added to those that are not 0.
  runtime_layout layout{};
  std::string provides;      // for ProbePlan::needs of other images
  bool trains = false;       // PyTorch: the files that the process opens are asked for too
  bool needs_glibc = false;  // the layout holds only where glibc has the thread-local slots
  std::vector<ElfSegment> segments;
  std::vector<ProbePlan> probes;  // a layout is told to the kernel side only once all are attached
  std::vector<std::string> refused;  // sentences for doctor: what is not seen, and why
};

// Each fills in what it recognises and leaves the rest alone. `name`: last part of the path.
void recognise_python(const ElfImage& image, const std::string& name, KnownImage& known);
// _queue.SimpleQueue: a module of its own, or part of the interpreter.
void recognise_simple_queue(const ElfImage& image, const std::string& name, KnownImage& known);
void recognise_uvloop(const ElfImage& image, const std::string& name, KnownImage& known);
// Node and nginx.
void recognise_event_loop(const ElfImage& image, const std::string& name, KnownImage& known);
void recognise_go(const ElfImage& image, const std::string& name, KnownImage& known);
// PyTorch: libtorch_cpu.so, whatever links it.
void recognise_torch(const ElfImage& image, const std::string& name, KnownImage& known);

// The injected library, or whatever fires the USDT tacit:gpu_batch (bpf/events/gpu_batch.h).
void recognise_cupti(const ElfImage& image, const std::string& name, KnownImage& known);

// CUDA's runtime and driver, NCCL.
void recognise_cuda(const ElfImage& image, const std::string& name, KnownImage& known);

// What is looked for.
struct Interests {
  bool causes = true;    // who works for whom: language runtimes
  bool training = true;  // PyTorch
  bool cuda = true;      // CUDA's and NCCL's libraries
  bool kernels = true;   // the library that hands over kernel records
  bool any() const { return causes || training || cuda || kernels; }
};

// All of the above. A file that is not ELF, or holds nothing we know, gives an empty answer.
KnownImage recognise(const std::string& path, const std::string& name, const Interests& interests);

// Whether a mapped library of this name can be something we know; an executable always can.
bool may_be_known(const std::string& name, const Interests& interests);

}  // namespace tacit::runtime
