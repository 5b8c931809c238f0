// SPDX-License-Identifier: Apache-2.0
// Writes whole lines to a descriptor whose reader may be slow, stopped or gone. Export thread.
//
// A pipe's reader sees lines whole even when the observed program writes to the same pipe: POSIX
// makes writes of up to PIPE_BUF (4096) bytes atomic, so lines are grouped into such writes. Other
// files get a batch in one write.
#pragma once
#include <string_view>

#include "agent/base/fd.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

class LineWriter {
 public:
  // Works on a descriptor of its own and never changes the flags of `fd`, which other processes may
  // share.
  explicit LineWriter(int fd);

  struct Written {
    size_t bytes = 0;  // how much of the text left
    int error = 0;     // errno that ended it; ETIMEDOUT: the stop's deadline came; 0: all left
  };
  // Waits for a slow reader as long as it takes, or until the stop's deadline.
  Written write(std::string_view lines, const StopSignal& stop);

  bool is_terminal() const { return terminal_; }

 private:
  Written write_chunk(std::string_view chunk, const StopSignal& stop);
  bool wait_writable(const StopSignal& stop) const;

  Fd fd_;
  bool terminal_ = false;
  bool regular_ = false;  // a file: never waits, so never polled
  bool socket_ = false;
};

}  // namespace tacit::exporters
