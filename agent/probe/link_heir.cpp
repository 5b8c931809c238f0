// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/link_heir.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace tacit::probe {
namespace {

// By number: glibc has the call since 2.34.
void close_between(unsigned first, unsigned last) {
  if (first <= last) ::syscall(SYS_close_range, first, last, 0);
}

// The process had threads, so only system calls are left. `kept`: ascending. A descriptor's last owner
// closes it: that is us once the parent has let go of its own, and of the pipe.
[[noreturn]] void outlive(const std::vector<int>& kept, int parent_left) {
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd > 0) close_between(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_between(next, ~0U);
  ::prctl(PR_SET_NAME, "tacit-detach");
  ::setsid();
  char nothing;
  while (::read(parent_left, &nothing, 1) < 0 && errno == EINTR) continue;
  ::_exit(0);
}

}  // namespace

void leave_to_heir(UprobeLink links) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const Fd parent_left(ends[0]);
  Fd here(ends[1]);
  std::vector<int> kept = {parent_left.get()};
  for (const auto& link : links) kept.push_back(link.get());
  std::sort(kept.begin(), kept.end());
  if (::fork() == 0) outlive(kept, parent_left.get());
  links.clear();
}

}  // namespace tacit::probe
