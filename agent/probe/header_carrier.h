// SPDX-License-Identifier: Apache-2.0
// Puts a traceparent header into requests of selected services (bpf/http_carrier.bpf.c). Made only
// where the user asked for it and the canary lives (header_canary.h). Carrier owns it; loop thread.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "agent/base/result.h"
#include "agent/probe/header_canary.h"

struct bpf_link;
struct bpf_object;
struct bpf_program;

namespace tacit::probe {

class HeaderCarrier {
 public:
  // `share` lets the opened object use the carrier's maps.
  static Result<std::unique_ptr<HeaderCarrier>> load(
      HeaderReach reach, const std::function<Result<void>(bpf_object*)>& share);
  ~HeaderCarrier();

  bpf_object* object() const;
  // To be attached to the cgroups of the services.
  bpf_program* socket_program() const;

 private:
  struct Parts;
  explicit HeaderCarrier(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tacit::probe
