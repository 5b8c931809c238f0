// SPDX-License-Identifier: Apache-2.0
// Every BPF program and map of the agent: loaded, attached, counted and taken down as one. The only
// room that knows libbpf, and the only door through which anything goes back to the kernel. One
// owner, loop thread, except where a function says "any thread". Attachments are BPF links: they
// vanish with the process, however it ends.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/probe/probe_control.h"
#include "agent/probe/ring_buffer.h"

namespace tacit::probe {

struct ProbeOptions {
  uint32_t ring_bytes = 8 << 20;        // a power of two, at least one page
  uint32_t max_capture_bytes = 65536;   // of one transfer
  bool track_causes = true;             // tell who works for whom; metrics alone need it not
  bool runtime_probes = true;           // look into language runtimes, where causes are tracked
  bool training_probes = true;          // and into PyTorch
  bool cuda_probes = true;              // CUDA's and NCCL's libraries
  bool kernel_records = true;           // blocks of the injected library
  unsigned carries = 0;                 // traces to other hosts, where asked for: enum carries
  bool offer_all_processes = false;     // report every exec and listen of the host, for selectors
};

// Run time of one program, counted while statistics are on (measure_programs()).
struct ProgramFigures {
  std::string name;
  uint64_t runs = 0;
  uint64_t run_time_ns = 0;
};

struct DropFigure {
  const char* reason;  // label value
  uint64_t count;
};

class ProbeSet : public ProbeControl {
 public:
  // Loads and attaches everything. A probe that this kernel lacks and the main job can do without
  // is left out and named in missing(); any other failure is an Error that says what to do.
  static Result<std::unique_ptr<ProbeSet>> load(const ProbeOptions& options);
  ~ProbeSet() override;

  RingBuffer& ring();
  const RingBuffer& ring() const;

  Result<void> follow(uint32_t pid) override;
  void unfollow(uint32_t pid) override;
  Inspection inspect(uint32_t pid) override;
  void forget(uint32_t pid) override;
  void trace(uint32_t pid, const traced_process& process) override;
  void set_program_trace(uint32_t pid, const std::optional<program_trace>& trace) override;
  void mute(uint64_t socket_id) override;
  void skip(uint64_t socket_id, connection::Direction direction, uint32_t until) override;
  void forget_socket(uint64_t socket_id) override;
  uint64_t lost_events() const override;
  uint64_t lost_task_events() const override;

  // Sentences for doctor: what inside the processes looked at is not seen, and why. Loop thread.
  std::vector<std::string> refused_sites() const;
  uint64_t refused_count() const;                       // how many; any thread
  const char* uprobe_mechanism() const;                 // for doctor
  const std::vector<std::string>& missing() const;      // names of optional probes left out
  std::vector<std::string> attached() const;            // names of programs
  std::vector<DropFigure> drops() const;                // any thread
  bool carries_traces() const;  // it was asked for, and this kernel can
  // What became of trace contexts that were to be carried, by reason; any thread.
  std::vector<std::pair<const char*, uint64_t>> carried() const;
  // Socket operations that went past the probes through io_uring, by process id; any thread.
  std::vector<std::pair<uint32_t, uint64_t>> io_uring_operations() const;
  // What processes asked of CUDA; any thread.
  std::optional<event::CudaCounts> cuda_counts(uint32_t pid) const override;
  std::vector<event::CudaCounts> cuda_counts() const;
  std::vector<event::CudaWatch> cuda_watched() const;
  std::vector<event::CudaCommunicator> communicators() const;  // see CudaCounters
  std::vector<ProgramFigures> program_figures() const;  // any thread
  // Switches the kernel's run-time statistics on or off (they cost some 20 ns a run, so they are on
  // only for a moment now and then). Needs CAP_SYS_ADMIN; without it nothing happens.
  void measure_programs(bool on);

 private:
  struct Parts;
  explicit ProbeSet(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tacit::probe
