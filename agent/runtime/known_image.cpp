// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/known_image.h"

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

namespace {

bool is_torch(const std::string& name) { return name.starts_with("libtorch_cpu."); }

bool is_cuda(const std::string& name) {
  return name.starts_with("libcudart") || name.starts_with("libcuda.so") ||
         name.starts_with("libnccl");
}

bool is_tracer(const std::string& name) { return name.starts_with("libtacit_cupti"); }

bool is_python(const std::string& name) {
  return name.starts_with("libpython") || name.starts_with("_queue.") || name.starts_with("loop.");
}

}  // namespace

// A library is what its name says, so only that is looked for in it: PyTorch's has half a million
// symbols. An executable may hold anything.
KnownImage recognise(const std::string& path, const std::string& name, const Interests& interests) {
  KnownImage known;
  const auto image = ElfImage::open(path);
  if (!image) return known;
  known.segments = image->segments();
  if (is_torch(name)) {
    if (interests.training) recognise_torch(*image, name, known);
    return known;
  }
  if (is_tracer(name)) {
    if (interests.kernels) recognise_cupti(*image, name, known);
    return known;
  }
  if (interests.causes && !is_cuda(name)) {
    recognise_python(*image, name, known);
    recognise_simple_queue(*image, name, known);
    recognise_uvloop(*image, name, known);
    recognise_go(*image, name, known);
    recognise_event_loop(*image, name, known);
  }
  if (interests.cuda && !is_python(name)) recognise_cuda(*image, name, known);
  if (interests.kernels && !is_python(name) && !is_cuda(name)) recognise_cupti(*image, name, known);
  return known;
}

bool may_be_known(const std::string& name, const Interests& interests) {
  return (interests.causes && is_python(name)) || (interests.training && is_torch(name)) ||
         (interests.cuda && is_cuda(name)) || (interests.kernels && is_tracer(name));
}

}  // namespace tacit::runtime
