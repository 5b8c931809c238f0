// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/request_kernels.h"

#include "agent/telemetry/attribute_number.h"

namespace tacit::pipeline {
namespace {

using telemetry::attribute_number;

void describe(const gpu::WindowSums& sums, telemetry::Span& span) {
  auto& attributes = span.attributes;
  using gpu::LinkRule;
  const auto by = [&](LinkRule rule) { return sums.linked_ns[static_cast<size_t>(rule)]; };
  if (sums.kernels != 0) {
    attributes.push_back({"tacit.gpu.kernel.count", attribute_number(sums.kernels)});
    attributes.push_back({"tacit.gpu.kernel.duration_ns", attribute_number(sums.kernel_ns())});
    attributes.push_back({"tacit.gpu.busy_ns", attribute_number(sums.busy_ns)});
    // Of a loop: what a request launched may run long after it was answered.
    const uint64_t length_ns = span.end_unix_ns - span.start_unix_ns;
    if (span.kind == telemetry::SpanKind::kInternal && length_ns > 0)
      attributes.push_back({"tacit.gpu.busy.share", telemetry::attribute_share(sums.busy_ns, length_ns)});
    const auto rule = by(LinkRule::kThread) >= by(LinkRule::kProcess) ? LinkRule::kThread
                                                                      : LinkRule::kProcess;
    attributes.push_back(
        {"tacit.gpu.link.rule", std::string(gpu::kLinkRuleNames[static_cast<size_t>(rule)])});
  }
  if (sums.copied_bytes() != 0)
    attributes.push_back({"tacit.gpu.copy.bytes", attribute_number(sums.copied_bytes())});
  if (sums.unlinked_ns != 0)
    attributes.push_back({"tacit.gpu.unlinked.duration_ns", attribute_number(sums.unlinked_ns)});
}

}  // namespace

void RequestKernels::began(const void* request, uint32_t pid, uint32_t tid, uint64_t begin_ns) {
  if (tracer_ == nullptr || request == nullptr || !tracer_->traces(pid)) return;
  const auto window =
      tracer_->windows().open({pid, tid, begin_ns, gpu::WindowKind::kRequest});
  if (window != gpu::kNoWindow) windows_[request] = window;
}

gpu::WindowId RequestKernels::over(const void* request, uint64_t end_ns) {
  const auto found = windows_.find(request);
  if (found == windows_.end()) return gpu::kNoWindow;
  const auto window = found->second;
  windows_.erase(found);
  tracer_->windows().close(window, end_ns);
  return window;
}

void RequestKernels::drop(gpu::WindowId window) {
  if (window != gpu::kNoWindow) tracer_->windows().take(window);
}

bool RequestKernels::complete(telemetry::Span& span, gpu::WindowId window, uint64_t now_ns,
                              bool force) {
  auto& windows = tracer_->windows();
  if (!force && !windows.settled(window, now_ns)) return false;
  if (const auto sums = windows.take(window)) describe(*sums, span);
  return true;
}

}  // namespace tacit::pipeline
