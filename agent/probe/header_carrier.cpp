// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/header_carrier.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "http_carrier.skel.h"

namespace tacit::probe {
namespace {

struct DestroySkeleton {
  void operator()(http_carrier_bpf* skeleton) const { http_carrier_bpf__destroy(skeleton); }
};

std::unexpected<Error> cannot(int error) {
  return fail(fmt::format("no traceparent header is put into requests: this kernel refuses the "
                          "programs for it ({}); use traces.inject: tcp",
                          std::strerror(error < 0 ? -error : error)));
}

}  // namespace

struct HeaderCarrier::Parts {
  std::unique_ptr<http_carrier_bpf, DestroySkeleton> skeleton;
};

HeaderCarrier::HeaderCarrier(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HeaderCarrier::~HeaderCarrier() = default;

Result<std::unique_ptr<HeaderCarrier>> HeaderCarrier::load(
    HeaderReach reach, const std::function<Result<void>(bpf_object*)>& share) {
  auto parts = std::make_unique<Parts>();
  parts->skeleton.reset(http_carrier_bpf__open());
  if (!parts->skeleton) return cannot(errno);
  http_carrier_bpf& own = *parts->skeleton;
  own.rodata->keeps_sockets = reach == HeaderReach::kEveryRequest;
  if (auto shared = share(own.obj); !shared) return std::unexpected(shared.error());
  if (const int error = http_carrier_bpf__load(&own); error != 0) return cannot(error);
  // Belongs to the map and vanishes with it, however the agent ends.
  if (const int error =
          bpf_prog_attach(bpf_program__fd(own.progs.carrier_header),
                          bpf_map__fd(own.maps.http_sockets), BPF_SK_MSG_VERDICT, 0);
      error != 0)
    return cannot(error);
  return std::unique_ptr<HeaderCarrier>(new HeaderCarrier(std::move(parts)));
}

bpf_object* HeaderCarrier::object() const { return parts_->skeleton->obj; }

bpf_program* HeaderCarrier::socket_program() const {
  return parts_->skeleton->progs.carrier_header_sockets;
}

}  // namespace tacit::probe
