/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What syscalls.bpf.c does with a syscall number. The agent fills the table from <sys/syscall.h>,
 * so the program itself knows no architecture's numbers. */
enum syscall_kind {
  SYSCALL_IGNORED = 0,
  SYSCALL_READ,      /* fd, buffer, … */
  SYSCALL_RECVFROM,  /* fd, buffer, length, flags */
  SYSCALL_READV,     /* fd, iovec, count */
  SYSCALL_RECVMSG,   /* fd, msghdr, flags */
  SYSCALL_RECVMMSG,  /* fd, mmsghdr, count, flags */
  SYSCALL_WRITE,     /* fd, buffer, … ; also sendto */
  SYSCALL_WRITEV,    /* fd, iovec, count */
  SYSCALL_SENDMSG,   /* fd, msghdr, flags */
  SYSCALL_SENDMMSG,  /* fd, mmsghdr, count, flags */
  SYSCALL_SENDFILE,  /* out fd, … */
  SYSCALL_SPLICE,    /* in fd, offset, out fd, … */
  SYSCALL_ACCEPT,
  SYSCALL_CONNECT,   /* fd, address, length */
  /* From here on: only for who causes what. */
  SYSCALL_WAIT,      /* epoll_wait, io_uring_enter: one thread waits for many things */
  SYSCALL_SELECT,    /* highest descriptor + 1, … */
  SYSCALL_POLL,      /* fds, count: a wait for many from three on */
  SYSCALL_MAP,       /* mmap: address, length, protection, flags, fd */
  SYSCALL_GET_OPTION, /* getsockopt: fd, level, name */
  /* And only for training runs. */
  SYSCALL_OPEN,  /* openat: directory, path, flags */
  SYSCALL_CLOSE, /* fd */
};

#define SYSCALL_TABLE_SIZE 512
