// SPDX-License-Identifier: Apache-2.0
// Which syscalls of this architecture carry bytes through sockets, wait for them, or map code, for syscalls.bpf.c.
#pragma once
#include <sys/syscall.h>

#include <span>
#include <utility>

#include "bpf/events/syscall_kind.h"

namespace tacit::probe {

inline std::span<const std::pair<int, syscall_kind>> syscall_table() {
  static constexpr std::pair<int, syscall_kind> kTable[] = {
      {SYS_read, SYSCALL_READ},         {SYS_recvfrom, SYSCALL_RECVFROM},
      {SYS_readv, SYSCALL_READV},       {SYS_preadv2, SYSCALL_READV},
      {SYS_recvmsg, SYSCALL_RECVMSG},   {SYS_recvmmsg, SYSCALL_RECVMMSG},
      {SYS_write, SYSCALL_WRITE},       {SYS_sendto, SYSCALL_WRITE},
      {SYS_writev, SYSCALL_WRITEV},     {SYS_pwritev2, SYSCALL_WRITEV},
      {SYS_sendmsg, SYSCALL_SENDMSG},   {SYS_sendmmsg, SYSCALL_SENDMMSG},
      {SYS_sendfile, SYSCALL_SENDFILE}, {SYS_splice, SYSCALL_SPLICE},
      {SYS_accept, SYSCALL_ACCEPT},     {SYS_accept4, SYSCALL_ACCEPT},
      {SYS_connect, SYSCALL_CONNECT},   {SYS_mmap, SYSCALL_MAP},
      {SYS_epoll_pwait, SYSCALL_WAIT},  {SYS_epoll_pwait2, SYSCALL_WAIT},
      {SYS_pselect6, SYSCALL_SELECT},     {SYS_io_uring_enter, SYSCALL_WAIT},
      {SYS_openat, SYSCALL_OPEN},       {SYS_close, SYSCALL_CLOSE},
      {SYS_ppoll, SYSCALL_POLL},        {SYS_getsockopt, SYSCALL_GET_OPTION},
#ifdef SYS_epoll_wait  // not on arm64
      {SYS_epoll_wait, SYSCALL_WAIT},   {SYS_select, SYSCALL_SELECT},
      {SYS_poll, SYSCALL_POLL},
#endif
  };
  return kTable;
}

}  // namespace tacit::probe
