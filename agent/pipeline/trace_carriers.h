// SPDX-License-Identifier: Apache-2.0
// Tells the kernel side which processes take their traces to other hosts (`traces.inject`), by which
// carrier, and by which rule their traces are kept. Loop thread.
#pragma once
#include <cstdint>

#include "agent/config/config.h"
#include "agent/discovery/process_table.h"
#include "agent/probe/probe_control.h"
#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"

namespace tacit::pipeline {

class TraceCarriers {
 public:
  // All must outlive it.
  struct Rooms {
    const config::Config& config;
    probe::ProbeControl& probes;
    const discovery::ProcessTable& processes;
    trace::Correlator& correlator;
    const trace::Samplers& samplers;
  };
  // `tracing`: spans go somewhere; without it nothing is ever carried.
  TraceCarriers(Rooms rooms, bool tracing)
      : rooms_(rooms),
        carrying_(tracing && rooms.config.inject != config::TraceCarrier::kNone) {}

  // The process is there, or is another program now.
  void tell(uint32_t pid);
  // Its requests that nobody asked for belong to the program's own trace, where it has one.
  void tell_program(uint32_t pid);
  // It turned out to be a server: they are roots.
  void forget_program(uint32_t pid);

 private:
  const Rooms rooms_;
  const bool carrying_;
};

}  // namespace tacit::pipeline
