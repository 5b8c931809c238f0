// SPDX-License-Identifier: Apache-2.0
// What a kernel does, told by its name alone. Names come from the target and may be anything. The
// patterns were made from the names in cuBLAS, cuDNN, NCCL and PyTorch's own libraries (CUDA 13.2,
// cuDNN 9.26, NCCL 2.30, PyTorch 2.15) and from Triton's and Inductor's sources.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tacit::gpu {

enum class KernelClass : uint8_t {
  kGemm,           // matrix products and their parts (split-k sums, epilogues)
  kAttention,
  kConvolution,
  kReduction,      // sums, scans, maxima
  kElementwise,    // pointwise work, fused optimizers, fills, random numbers
  kNormalization,  // layer, batch, group norms; softmax
  kCollective,     // NCCL and the like
  kCopy,           // copies, memsets, changes of layout
  kGraph,          // a graph launch as a whole, where its kernels are not told
  kOther,
};
inline constexpr size_t kKernelClasses = 10;
// Label values, by KernelClass.
inline constexpr std::array<const char*, kKernelClasses> kKernelClassNames = {
    "gemm",          "attention",  "convolution", "reduction", "elementwise",
    "normalization", "collective", "copy",        "graph",     "other"};

struct KernelName {
  KernelClass kernel_class = KernelClass::kOther;
  // Function (with a generic one's namespace) and, of a template, the argument that tells most:
  // printable ASCII, at most kMaxLabelBytes, never empty.
  std::string label;
};

inline constexpr size_t kMaxLabelBytes = 80;

// `name`: as CUPTI gives it, mangled (Itanium C++ ABI) or plain. Time is linear in its length: it is
// not demangled, since a hostile name's text may be exponentially longer than the name.
KernelName read_kernel_name(std::string_view name);

}  // namespace tacit::gpu
