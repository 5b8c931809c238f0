// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_class.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace tacit::gpu {
namespace {

constexpr size_t kMaxNameBytes = 1024;  // GPU_NAME_BYTES
constexpr size_t kMaxIdentifiers = 24;

struct Pattern {
  std::string_view text;  // in lower case
  KernelClass kernel_class;
};

// The first that is found counts, so what says more comes first: an implicit-GEMM convolution is a
// convolution, a softmax inside attention is attention.
constexpr Pattern kPatterns[] = {
    {"nccl", KernelClass::kCollective},
    {"all_reduce", KernelClass::kCollective},
    {"allreduce", KernelClass::kCollective},
    {"all_gather", KernelClass::kCollective},
    {"all_to_all", KernelClass::kCollective},
    {"reduce_scatter", KernelClass::kCollective},
    {"nvshmem", KernelClass::kCollective},
    {"flash", KernelClass::kAttention},
    {"fmha", KernelClass::kAttention},
    {"attention", KernelClass::kAttention},
    {"attn", KernelClass::kAttention},
    {"sdpa", KernelClass::kAttention},
    {"pagedkvcache", KernelClass::kAttention},
    {"layer_norm", KernelClass::kNormalization},
    {"layernorm", KernelClass::kNormalization},
    {"batch_norm", KernelClass::kNormalization},
    {"batchnorm", KernelClass::kNormalization},
    {"bn_fw", KernelClass::kNormalization},
    {"bn_bw", KernelClass::kNormalization},
    {"group_norm", KernelClass::kNormalization},
    {"groupnorm", KernelClass::kNormalization},
    {"rowwisemoments", KernelClass::kNormalization},
    {"rms_norm", KernelClass::kNormalization},
    {"rmsnorm", KernelClass::kNormalization},
    {"instance_norm", KernelClass::kNormalization},
    {"softmax", KernelClass::kNormalization},
    {"lrn_", KernelClass::kNormalization},
    {"divnorm", KernelClass::kNormalization},
    {"convol", KernelClass::kConvolution},
    {"conv1d", KernelClass::kConvolution},
    {"conv2d", KernelClass::kConvolution},
    {"conv3d", KernelClass::kConvolution},
    {"convnd", KernelClass::kConvolution},
    {"conv_", KernelClass::kConvolution},
    {"dwconv", KernelClass::kConvolution},
    {"fprop", KernelClass::kConvolution},
    {"dgrad", KernelClass::kConvolution},
    {"wgrad", KernelClass::kConvolution},
    {"winograd", KernelClass::kConvolution},
    {"implicit_gemm", KernelClass::kConvolution},
    {"im2col", KernelClass::kConvolution},
    {"col2im", KernelClass::kConvolution},
    {"vol2col", KernelClass::kConvolution},
    {"gemm", KernelClass::kGemm},
    {"gemv", KernelClass::kGemm},
    {"matmul", KernelClass::kGemm},
    {"_mm_", KernelClass::kGemm},
    {"_bmm", KernelClass::kGemm},
    {"fused_moe", KernelClass::kGemm},
    {"nvjet", KernelClass::kGemm},
    {"trsm", KernelClass::kGemm},
    {"trmm", KernelClass::kGemm},
    {"syrk", KernelClass::kGemm},
    {"syherk", KernelClass::kGemm},
    {"syr2k", KernelClass::kGemm},
    {"syhemm", KernelClass::kGemm},
    {"splitkreduce", KernelClass::kGemm},
    {"split_k", KernelClass::kGemm},
    {"cublaslt", KernelClass::kGemm},
    {"multi_tensor_apply", KernelClass::kElementwise},
    {"elementwise", KernelClass::kElementwise},
    {"pointwise", KernelClass::kElementwise},
    {"op_tensor", KernelClass::kElementwise},
    {"op_generic_tensor", KernelClass::kElementwise},
    {"catarray", KernelClass::kCopy},
    {"memcpy", KernelClass::kCopy},
    {"copy", KernelClass::kCopy},
    {"transpose", KernelClass::kCopy},
    {"nchw", KernelClass::kCopy},
    {"nhwc", KernelClass::kCopy},
    {"tensortransform", KernelClass::kCopy},
    {"converttensor", KernelClass::kCopy},
    {"reduce", KernelClass::kReduction},
    {"reduction", KernelClass::kReduction},
    {"scan", KernelClass::kReduction},
    {"argmax", KernelClass::kReduction},
    {"cumsum", KernelClass::kReduction},
    {"nrm2", KernelClass::kReduction},
    {"asum", KernelClass::kReduction},
    {"dot_kernel", KernelClass::kReduction},
    {"iamax", KernelClass::kReduction},
    {"activation", KernelClass::kElementwise},
    {"distribution", KernelClass::kElementwise},
    {"dropout", KernelClass::kElementwise},
    {"triu_tril", KernelClass::kElementwise},
    {"fill", KernelClass::kElementwise},
    {"gelu", KernelClass::kElementwise},
    {"silu", KernelClass::kElementwise},
    {"relu", KernelClass::kElementwise},
    {"axpy", KernelClass::kElementwise},
    {"scal_kernel", KernelClass::kElementwise},
    {"rotary", KernelClass::kElementwise},
};

// Inductor's kernels begin with what they are, and then name everything that was fused into them.
constexpr Pattern kInductor[] = {
    {"triton_poi_", KernelClass::kElementwise}, {"triton_for_", KernelClass::kElementwise},
    {"triton_red_", KernelClass::kReduction},   {"triton_per_", KernelClass::kReduction},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<KernelClass> find_class(std::string_view text) {
  const std::string small = lower(text);
  for (const auto& each : kInductor) {
    if (!small.starts_with(each.text)) continue;
    const bool norm = each.kernel_class == KernelClass::kReduction &&
                      (small.find("_norm") != std::string::npos ||
                       small.find("softmax") != std::string::npos);
    return norm ? KernelClass::kNormalization : each.kernel_class;
  }
  for (const auto& each : kPatterns)
    if (small.find(each.text) != std::string::npos) return each.kernel_class;
  return std::nullopt;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The identifiers of a mangled name, in order, without knowing its grammar: literals (Li4E),
// substitutions (S0_), template parameters (T_) and lambdas' numbers (E12_) hold digits that are no
// lengths. What it gets wrong costs a label, nothing else.
class Identifiers {
 public:
  explicit Identifiers(std::string_view mangled) : text_(mangled) {}

  // Empty: there are no more. A run of `nested` ends where something else follows.
  std::string_view next() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_digit(c)) {
        const auto found = take_identifier();
        if (!found.empty()) return found;
      } else {
        skip(c);
      }
    }
    return {};
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_one() { ++at_; }

 private:
  std::string_view take_identifier() {
    const bool after_end = at_ > 0 && text_[at_ - 1] == 'E';
    size_t length = 0;
    while (at_ < text_.size() && is_digit(text_[at_]) && length <= kMaxNameBytes)
      length = length * 10 + static_cast<size_t>(text_[at_++] - '0');
    if (length == 0 || length > text_.size() - at_) return {};
    if (after_end && peek() == '_' && !text_.substr(at_).starts_with("_GLOBAL__N")) return {};
    const auto found = text_.substr(at_, length);
    at_ += length;
    return found;
  }

  void skip(char c) {
    ++at_;
    if (c == 'S' || c == 'T') {  // S_, S1A_, T0_; St is std
      size_t end = at_;
      while (end < text_.size() && (is_digit(text_[end]) || (text_[end] >= 'A' && text_[end] <= 'Z')))
        ++end;
      if (end < text_.size() && text_[end] == '_') at_ = end + 1;
    } else if (c == 'L' && at_ < text_.size() && text_[at_] >= 'a' && text_[at_] <= 'z') {
      size_t end = at_ + 1;
      while (end < text_.size() && (is_digit(text_[end]) || text_[end] == 'n')) ++end;
      if (end < text_.size() && text_[end] == 'E') at_ = end + 1;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

struct Parts {
  std::vector<std::string_view> path;       // namespaces and the function
  std::vector<std::string_view> arguments;  // identifiers behind it
};

// A made-up namespace: of a file, or of a library's version.
bool is_noise(std::string_view identifier) {
  return identifier.starts_with("_GLOBAL__N") || identifier.starts_with("_INTERNAL") ||
         identifier.starts_with("_V_") || identifier == "__4" || identifier == "__cxx11";
}

Parts take_apart(std::string_view mangled) {
  Parts parts;
  Identifiers identifiers(mangled);
  identifiers.skip_one();  // _
  identifiers.skip_one();  // Z
  const bool nested = identifiers.peek() == 'N';
  if (nested || identifiers.peek() == 'L') identifiers.skip_one();
  while (is_digit(identifiers.peek()) || identifiers.peek() == 'L') {
    const auto found = identifiers.next();
    if (found.empty()) return parts;
    if (!is_noise(found)) parts.path.push_back(found);
    if (!nested || parts.path.size() >= kMaxIdentifiers) break;
  }
  while (parts.arguments.size() < kMaxIdentifiers) {
    const auto found = identifiers.next();
    if (found.empty()) break;
    if (!is_noise(found)) parts.arguments.push_back(found);
  }
  return parts;
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string out;
  for (const auto part : parts) {
    if (!out.empty()) out += "::";
    out += part;
  }
  return out;
}

// What was made into a generic kernel: the operator's own function says more than its functor's type.
bool names_function(std::string_view argument) {
  return argument.ends_with("_kernel_cuda") || argument.ends_with("_kernel") ||
         (argument.ends_with("_kernel_impl") && argument != "gpu_kernel_impl");
}

bool names_type(std::string_view argument) {
  return argument.find("unctor") != std::string_view::npos || argument.ends_with("Op") ||
         argument.ends_with("Ops") || argument.starts_with("cutlass") ||
         argument.find("gemm") != std::string_view::npos;
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxLabelBytes));
  for (char& c : out)
    if (c < 0x21 || c > 0x7e) c = '?';
  return out;
}

std::string label_of(const Parts& parts) {
  constexpr size_t kGenericBytes = 16;  // "kernel", "Kernel2", "device_kernel"
  std::string label(parts.path.back());
  if (label.size() < kGenericBytes && parts.path.size() > 1)
    label = std::string(parts.path[parts.path.size() - 2]) + "::" + label;
  auto telling = std::find_if(parts.arguments.begin(), parts.arguments.end(), names_function);
  if (telling == parts.arguments.end())
    telling = std::find_if(parts.arguments.begin(), parts.arguments.end(), names_type);
  if (telling == parts.arguments.end()) return printable(label);
  const size_t room = kMaxLabelBytes - std::min(label.size() + 2, kMaxLabelBytes);
  if (room == 0) return printable(label);
  return printable(label) + "<" + printable(telling->substr(0, room)) + ">";
}

}  // namespace

KernelName read_kernel_name(std::string_view name) {
  name = name.substr(0, kMaxNameBytes);
  if (name.empty()) return {KernelClass::kOther, "unnamed"};
  if (!name.starts_with("_Z")) return {find_class(name).value_or(KernelClass::kOther), printable(name)};
  const Parts parts = take_apart(name);
  if (parts.path.empty()) return {find_class(name).value_or(KernelClass::kOther), printable(name)};
  auto found = find_class(joined(parts.path));
  if (!found) found = find_class(joined(parts.arguments));
  // Divisors of an index are parameters of any kernel; what reduces says so itself.
  if (found == KernelClass::kReduction && find_class(joined(parts.path)) != found) found.reset();
  return {found.value_or(KernelClass::kOther), label_of(parts)};
}

}  // namespace tacit::gpu
