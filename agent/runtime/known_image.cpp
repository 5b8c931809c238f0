// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/known_image.h"

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

KnownImage recognise(const std::string& path, const std::string& name, const Interests& interests) {
  KnownImage known;
  const auto image = ElfImage::open(path);
  if (!image) return known;
  known.segments = image->segments();
  if (interests.causes) {
    recognise_python(*image, name, known);
    recognise_simple_queue(*image, name, known);
    recognise_uvloop(*image, name, known);
    recognise_go(*image, name, known);
    recognise_event_loop(*image, name, known);
  }
  if (interests.training) recognise_torch(*image, name, known);
  if (interests.kernels) recognise_cupti(*image, name, known);
  if (interests.cuda) recognise_cuda(*image, name, known);
  return known;
}

bool may_be_known(const std::string& name, const Interests& interests) {
  if (interests.cuda && (name.starts_with("libcudart") || name.starts_with("libcuda.so") ||
                         name.starts_with("libnccl")))
    return true;
  if (interests.kernels && name.starts_with("libtacit_cupti")) return true;
  if (interests.causes && (name.starts_with("libpython") || name.starts_with("_queue.") ||
                           name.starts_with("loop.")))
    return true;
  if (interests.training && name.starts_with("libtorch_cpu.")) return true;
  return false;
}

}  // namespace tacit::runtime
