// SPDX-License-Identifier: Apache-2.0
// What launched which work on a device: windows of time on the host (a training step, a phase, a served
// request) gather the kernels and copies that were launched in them. Records come up to seconds after a
// window was closed, so it gathers until it is taken. Loop thread.
//
// Rules, for each kind of window by itself:
//  thread   the launching thread has a window of the kind open at the launch; of nested phases and
//           steps the innermost, of several requests on one thread none can be told
//  process  no such window, and the process has exactly one of that kind open (of phases and steps that
//           one thread nested, the innermost): backward runs on autograd's own threads
//  none     otherwise: unlinked, never guessed
// Where the launch was not seen (launch_ns 0), the start on the device stands for it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/gpu/kernels/device_work.h"

namespace tacit::gpu {

enum class WindowKind : uint8_t { kPhase, kStep, kRequest };
inline constexpr size_t kWindowKinds = 3;

enum class LinkRule : uint8_t { kThread, kProcess, kNone };
inline constexpr size_t kLinkRules = 3;
inline constexpr std::array<const char*, kLinkRules> kLinkRuleNames = {"thread", "process", "none"};

using WindowId = uint64_t;
inline constexpr WindowId kNoWindow = 0;

// Times CLOCK_MONOTONIC; pid and tid as the host names them.
struct WindowBegin {
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint64_t begin_ns = 0;
  WindowKind kind = WindowKind::kStep;
};

enum class WorkKind : uint8_t {
  kKernel,  // or a graph
  kCopy,
  kSync,  // the host waited: start_ns to end_ns
};

struct LaunchedWork {
  uint32_t tid = 0;        // of the host; 0: not known
  uint64_t launch_ns = 0;  // 0: not seen
  uint64_t start_ns = 0;   // on the device, never after end_ns
  uint64_t end_ns = 0;
  WorkKind kind = WorkKind::kKernel;
  KernelClass kernel_class = KernelClass::kOther;
  bool is_launch = true;   // false: a node of a graph, whose launch another record tells
  CopyDirection direction = CopyDirection::kUnknown;
  uint64_t bytes = 0;
};

struct WindowSums {
  std::array<uint64_t, kKernelClasses> class_ns{};  // kernels and graphs by class; sums overlap in time
  uint64_t kernels = 0;   // and graphs
  uint64_t launches = 0;  // of kernels and graphs
  uint64_t busy_ns = 0;   // some kernel ran: each moment once, over all devices
  std::array<Moved, kCopyDirections> copies{};
  uint64_t sync_wait_ns = 0;  // of all threads, so it may be longer than the window
  std::array<uint64_t, 2> linked_ns{};  // by LinkRule kThread, kProcess: of kernels
  // Of kernels launched while it was open that might have been its, or another's of its kind.
  uint64_t unlinked_ns = 0;
  uint64_t first_start_ns = 0, last_end_ns = 0;  // on the device; 0: nothing ran

  uint64_t kernel_ns() const;
  uint64_t copied_bytes() const;
};

class KernelWindows {
 public:
  // kNoWindow: there are too many.
  WindowId open(const WindowBegin& window);
  void close(WindowId id, uint64_t end_ns);

  // Whether what was launched in it has come, as far as that can be known: the process handed over
  // records since, or ended, or has none, or time is up. Unknown windows are settled.
  bool settled(WindowId id, uint64_t now_ns) const;
  // Its sums so far; take() also ends it. nullopt: there is no such window.
  std::optional<WindowSums> look(WindowId id);
  std::optional<WindowSums> take(WindowId id);

  // Finds whose work this is: the strongest rule that matched for any kind.
  LinkRule link(uint32_t pid, const LaunchedWork& work);
  void handed_over(uint32_t pid, uint64_t time_ns);  // a block of the process, made at that time
  void exited(uint32_t pid);
  // Gives up windows that nobody took; once in some seconds.
  void sweep(uint64_t now_ns);

  size_t size() const { return by_id_.size(); }
  uint64_t refused() const { return refused_; }

 private:
  struct Window {
    WindowId id = 0;
    WindowBegin begin;
    uint64_t end_ns = UINT64_MAX;         // open
    uint64_t latest_end_ns = UINT64_MAX;  // of it and those before it in its list
    WindowSums sums;
    IntervalUnion busy{0};
  };
  using List = std::vector<Window*>;  // ascending by begin
  struct Process {
    std::array<List, kWindowKinds> lists;
    uint64_t handed_over_ns = 0;  // 0: it hands over nothing
    bool ended = false;
  };
  struct Choice {
    Window* window = nullptr;
    LinkRule rule = LinkRule::kNone;
  };

  Choice choose(const List& list, WindowKind kind, const LaunchedWork& work, uint64_t launch_ns);
  static void add(Window& window, LinkRule rule, const LaunchedWork& work);
  static void refresh_ends(List& list, size_t from);
  List& list_of(const Window& window);
  void remove(WindowId id);

  std::unordered_map<WindowId, std::unique_ptr<Window>> by_id_;
  std::unordered_map<uint32_t, Process> processes_;
  std::vector<Window*> candidates_;  // scratch
  WindowId last_id_ = kNoWindow;
  uint64_t refused_ = 0;
};

}  // namespace tacit::gpu
