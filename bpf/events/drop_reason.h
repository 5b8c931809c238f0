/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Why something a selected process did was not reported. Every loss has a reason and is counted
 * (maps/drops.h); the names leave as the label `reason` of tacit_events_dropped_total. */
enum drop_reason {
  DROP_RING_FULL_RECEIVE = 0, /* data event, ring buffer full */
  DROP_RING_FULL_SEND,
  DROP_RING_FULL_SOCKET,      /* socket open/close/listen, connect failure */
  DROP_RING_FULL_PROCESS,     /* fork, exec, exit */
  DROP_RING_FULL_TASK,        /* who works for whom: threads, tasks, work, claims */
  DROP_USER_MEMORY,           /* the bytes were reported as a length: their memory was not readable */
  DROP_TOO_MANY_BUFFERS,      /* an iovec longer than we walk: the rest was reported as a length */
  DROP_COMPAT_SYSCALL,        /* 32-bit process on a 64-bit kernel: not decoded */
  DROP_SOCKET_TABLE,          /* sockets map could not take the socket */
  DROP_PROCESS_TABLE,         /* followed_processes map full: a child is not observed */
  DROP_RING_FULL_GPU,         /* training and CUDA events, blocks of the injected library */
  DROP_GPU_RATE,              /* a process handed over more blocks than it may in a time */
  DROP_GPU_BLOCK,             /* what it handed over is no block, or could not be read */
  DROP_CUDA_TABLE,            /* a table of CUDA counters is full: a process, allocation, code or communicator */
  DROP_REASON_COUNT,
};
