// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/kernel_check.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <memory>

#include "agent/base/clock.h"
#include "agent/probe/cgroup_path.h"
#include "agent/probe/header_canary.h"
#include "agent/probe/header_carrier.h"
#include "agent/probe/probe_set.h"
#include "agent/probe/uprobe_attacher.h"

namespace tacit::probe {
namespace {

struct Hook {
  const char* name;  // as `tacit doctor` shows it
  std::array<const char*, 3> tracepoints;
  bool required;
  const char* cost;
};

constexpr Hook kHooks[] = {
    {"hook sys_exit", {"sys_exit"}, true, "everything: no bytes are seen"},
    {"hooks sched",
     {"sched_process_fork", "sched_process_exec", "sched_process_exit"},
     true,
     "everything: processes are not found"},
    {"hook tcp state", {"inet_sock_set_state"}, true, "failed connects, ends of connections"},
    {"hook io_uring", {"io_uring_submit_req"}, false,
     "io_uring traffic is not even counted (it is never decoded)"},
};

constexpr char kKernelFix[] = "use a kernel built with CONFIG_DEBUG_INFO_BTF and "
                              "CONFIG_BPF_EVENTS, 5.15 or newer (io_uring: 6.3 or newer)";

HostCheck check_hook(const btf* kernel, const Hook& hook) {
  HostCheck check;
  check.name = hook.name;
  check.ok = kernel != nullptr;
  check.required = hook.required;
  for (const char* tracepoint : hook.tracepoints) {
    if (tracepoint == nullptr) continue;
    // tp_btf programs attach by this type (kernel/bpf/verifier.c, check_attach_btf_id).
    const auto type = fmt::format("btf_trace_{}", tracepoint);
    const bool found =
        kernel != nullptr && btf__find_by_name_kind(kernel, type.c_str(), BTF_KIND_TYPEDEF) > 0;
    check.ok = check.ok && found;
    check.detail += fmt::format("{}tp_btf/{}{}", check.detail.empty() ? "" : ", ", tracepoint,
                                found ? "" : " is missing");
  }
  if (!check.ok) {
    check.cost = hook.cost;
    check.fix = kKernelFix;
  }
  return check;
}

HostCheck check_ring_buffer() {
  const int supported = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr);
  HostCheck check;
  check.name = "ring buffer";
  check.ok = supported == 1;
  check.required = true;
  check.detail = check.ok ? "BPF_MAP_TYPE_RINGBUF" : "BPF_MAP_TYPE_RINGBUF cannot be made";
  if (!check.ok) {
    check.cost = "everything: events cannot leave the kernel";
    check.fix = supported < 0 ? "run as root, or with CAP_BPF and CAP_PERFMON" : kKernelFix;
  }
  return check;
}

HostCheck check_uprobes() {
  const UprobeMechanism mechanism = find_uprobe_mechanism();
  HostCheck check{"uprobes", mechanism != UprobeMechanism::kNone, false, name_of(mechanism), "", ""};
  if (!check.ok) {
    check.cost = "requests and calls inside Python, Go and Node processes are not tied together";
    check.fix = "kernel 6.6 or newer, or CAP_SYS_ADMIN for perf events";
  }
  return check;
}

// Asked for by `traces.inject: tcp` and `all`.
HostCheck check_carrier() {
  const auto probes = ProbeSet::load({.ring_bytes = 64 << 10, .carries = CARRIES_OPTION});
  HostCheck check{"traces to other hosts", false, false, {}, "", ""};
  const auto mount = cgroup_mount();
  check.ok = probes && (*probes)->carries_traces() && mount;
  check.detail = !check.ok ? "a TCP option cannot be written"
                           : "`traces.inject: tcp` can be used; no byte of a stream changes";
  if (check.ok) return check;
  check.cost = "`traces.inject: tcp` does nothing";
  check.fix = mount ? "kernel 5.17 or newer" : mount.error().message;
  return check;
}

// Asked for by `traces.inject: http` and `all`.
HostCheck check_header_carrier() {
  const CanaryVerdict canary = try_header_canary();
  HostCheck check{"traceparent header", false, false, {}, "", ""};
  const auto alone = [](bpf_object*) -> Result<void> { return {}; };
  check.ok = canary.reach != HeaderReach::kNone && HeaderCarrier::load(canary.reach, alone);
  if (!check.ok) {
    check.detail = canary.flaw.empty() ? "the programs for it cannot be loaded" : canary.flaw;
    check.cost = "`traces.inject: http` does nothing";
    check.fix = "`traces.inject: tcp`, which changes no byte";
    return check;
  }
  check.detail = "`traces.inject: http` can be used, for ";
  check.detail += canary.reach == HeaderReach::kEveryRequest
                      ? "every plain HTTP/1.1 request; on blocking sockets for the first of each "
                        "connection"
                      : "the first request of each connection: " + canary.flaw;
  return check;
}

// The proof: load and attach all of it, following nobody, and take it down again.
HostCheck check_probes() {
  const uint64_t begin_ns = monotonic_ns();
  const auto probes = ProbeSet::load({.ring_bytes = 64 << 10});
  HostCheck check;
  check.name = "probes";
  check.ok = probes.has_value();
  check.required = true;
  if (probes) {
    check.detail = fmt::format("{} programs loaded and attached in {} ms",
                               (*probes)->attached().size(),
                               (monotonic_ns() - begin_ns) / 1'000'000);
  } else {
    check.detail = probes.error().message;
    check.cost = "everything";
    check.fix = "see the lines above; --log-level debug shows the kernel's answer";
  }
  return check;
}

}  // namespace

std::vector<HostCheck> check_kernel() {
  const std::unique_ptr<btf, void (*)(btf*)> kernel(btf__load_vmlinux_btf(), btf__free);
  std::vector<HostCheck> checks;
  checks.push_back(check_ring_buffer());
  for (const Hook& hook : kHooks) checks.push_back(check_hook(kernel.get(), hook));
  checks.push_back(check_uprobes());
  checks.push_back(check_carrier());
  checks.push_back(check_header_carrier());
  checks.push_back(check_probes());
  return checks;
}

}  // namespace tacit::probe
