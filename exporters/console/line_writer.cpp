// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/line_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace tacit::exporters {
namespace {

// A second open file for the same pipe or terminal, so that it can be non-blocking for us alone.
int reopen_nonblocking(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

// Whole lines of at most PIPE_BUF bytes together; one line if that alone is longer.
size_t atomic_chunk(std::string_view lines) {
  if (lines.size() <= PIPE_BUF) return lines.size();
  const size_t last = lines.substr(0, PIPE_BUF).rfind('\n');
  if (last != std::string_view::npos) return last + 1;
  const size_t end = lines.find('\n');
  return end == std::string_view::npos ? lines.size() : end + 1;
}

}  // namespace

LineWriter::LineWriter(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;
  terminal_ = ::isatty(fd) == 1;
  regular_ = S_ISREG(status.st_mode);
  socket_ = S_ISSOCK(status.st_mode);
  if (S_ISFIFO(status.st_mode) || terminal_) fd_ = Fd(reopen_nonblocking(fd));
  if (!fd_.valid()) fd_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

LineWriter::Written LineWriter::write(std::string_view lines, const StopSignal& stop) {
  if (!fd_.valid()) return {0, EBADF};
  Written written;
  while (written.bytes < lines.size()) {
    const std::string_view rest = lines.substr(written.bytes);
    const size_t length = regular_ ? rest.size() : atomic_chunk(rest);
    const Written step = write_chunk(rest.substr(0, length), stop);
    written.bytes += step.bytes;
    written.error = step.error;
    if (step.error != 0) break;
  }
  return written;
}

LineWriter::Written LineWriter::write_chunk(std::string_view chunk, const StopSignal& stop) {
  Written written;
  while (written.bytes < chunk.size()) {
    if (!regular_ && !wait_writable(stop)) return {written.bytes, ETIMEDOUT};
    const std::string_view rest = chunk.substr(written.bytes);
    const ssize_t n = socket_
                          ? ::send(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                          : ::write(fd_.get(), rest.data(), rest.size());
    if (n >= 0) {
      written.bytes += static_cast<size_t>(n);
    } else if (errno != EAGAIN && errno != EINTR) {
      return {written.bytes, errno};
    } else if (stop.expired()) {
      return {written.bytes, ETIMEDOUT};
    }
  }
  return written;
}

bool LineWriter::wait_writable(const StopSignal& stop) const {
  for (;;) {
    const auto deadline = stop.deadline();
    pollfd waiting[2] = {{fd_.get(), POLLOUT, 0}, {deadline ? -1 : stop.fd(), POLLIN, 0}};
    // Without an eventfd a stop is noticed within a second.
    const int timeout = deadline ? milliseconds_until(*deadline) : 1'000;
    const int ready = ::poll(waiting, 2, timeout);
    if (ready < 0 && errno != EINTR) return true;  // the write itself says what is wrong
    if (ready > 0 && waiting[0].revents != 0) return true;
    if (deadline && stop.expired()) return false;
  }
}

}  // namespace tacit::exporters
