/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connects that failed at once, before the socket changed its state: no route, no such path. The
 * others are seen by socket_state.bpf.c. */
#pragma once
#include "bpf/events/socket_event.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/task.h"
#include "bpf/maps/connects.h"

static __always_inline bool is_connect_failure(long result) {
  switch (-result) {
    case EPERM:
    case ENOENT:
    case EAGAIN: /* unix: the listener's queue is full */
    case EACCES:
    case EADDRNOTAVAIL:
    case ENETDOWN:
    case ENETUNREACH:
    case ECONNRESET:
    case ETIMEDOUT:
    case ECONNREFUSED:
    case EHOSTUNREACH:
      return true;
  }
  return false;
}

/* The address that the process asked for: the socket itself has forgotten it by now. */
static __always_inline void read_target(struct connect_failed_event *event, void *address,
                                        __u32 length) {
  struct {
    __u16 family;
    __be16 port;
    __u8 rest[24];
  } target = {};
  bpf_probe_read_user(&target, sizeof(target.family), address);
  event->endpoints.family = target.family;
  event->endpoints.role = SOCKET_ROLE_CLIENT;
  if (target.family == AF_UNIX) {
    if (length <= sizeof(__u16)) return;
    length -= sizeof(__u16);
    if (length > UNIX_PATH_BYTES) length = UNIX_PATH_BYTES;
    if (!bpf_probe_read_user(event->unix_path, length, address + sizeof(__u16)))
      event->unix_path_bytes = length;
    return;
  }
  bpf_probe_read_user(&target, target.family == AF_INET6 ? 24 : 8, address);
  event->endpoints.remote_port = bpf_ntohs(target.port);
  if (target.family == AF_INET)
    __builtin_memcpy(event->endpoints.remote_address, target.rest, 4);
  else /* sin6_flowinfo comes first */
    __builtin_memcpy(event->endpoints.remote_address, target.rest + 4, 16);
}

static __always_inline int report_failed_connect(struct task_struct *task, struct pt_regs *regs,
                                                 long result) {
  struct socket_ref ref;
  if (!is_connect_failure(result) || !find_socket(task, SYSCALL_ARG1(regs), &ref)) return 0;
  __u64 sock = ref.state->sock;
  struct pending_connect *pending = bpf_map_lookup_elem(&connects, &sock);
  if (pending && pending->reported) {
    bpf_map_delete_elem(&connects, &sock);
    return 0;
  }
  struct connect_failed_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_SOCKET);
    return 0;
  }
  __builtin_memset(event, 0, sizeof(*event));
  fill_header(&event->header, EVENT_CONNECT_FAILED);
  event->begin_time_ns = event->header.time_ns;
  event->by = current_task_ref();
  event->error = -result;
  read_target(event, (void *)SYSCALL_ARG2(regs), SYSCALL_ARG3(regs));
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}
