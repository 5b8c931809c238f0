/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP state changes: what no syscall's result tells. Connects that fail later (also non-blocking
 * ones), sockets that close or are reset, processes that begin to listen. Runs in whatever context
 * the change happens, often softirq, so identity comes from the socket. */
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/task.h"
#include "bpf/maps/connects.h"
#include "bpf/maps/followed_processes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 1: listens of every process are reported, so that port selectors can choose it. */
const volatile __u32 offer_listens = 0;

static __always_inline int begin_connect(__u64 sock) {
  __u64 pid_tgid = bpf_get_current_pid_tgid();
  struct pending_connect pending = {.begin_time_ns = bpf_ktime_get_ns(),
                                    .pid = pid_tgid >> 32, .tid = (__u32)pid_tgid};
  /* The address may have been another socket's before, of a process that was followed. */
  if (!is_followed(pending.pid)) {
    bpf_map_delete_elem(&connects, &sock);
    return 0;
  }
  pending.by = current_task_ref();
  bpf_map_update_elem(&connects, &sock, &pending, BPF_ANY);
  return 0;
}

static __always_inline int fail_connect(struct sock *sk, __u64 sock) {
  struct pending_connect *pending = bpf_map_lookup_elem(&connects, &sock);
  if (!pending || pending->reported) return 0;
  pending->reported = 1;
  struct connect_failed_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_SOCKET);
    return 0;
  }
  __builtin_memset(event, 0, sizeof(*event));
  fill_header(&event->header, EVENT_CONNECT_FAILED);
  event->header.pid = pending->pid;
  event->header.tid = pending->tid;
  event->begin_time_ns = pending->begin_time_ns;
  event->by = pending->by;
  event->error = BPF_CORE_READ(sk, sk_err);
  read_endpoints(sk, &event->endpoints, event->unix_path);
  event->endpoints.role = SOCKET_ROLE_CLIENT;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

static __always_inline int report_listen(struct sock *sk) {
  if (!offer_listens && !is_followed(bpf_get_current_pid_tgid() >> 32)) return 0;
  struct socket_listen_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_SOCKET);
    return 0;
  }
  fill_header(&event->header, EVENT_SOCKET_LISTEN);
  event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  event->port = BPF_CORE_READ(sk, __sk_common.skc_num);
  event->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  event->pad = 0;
  bpf_ringbuf_submit(event, wake_now_flags());
  return 0;
}

/* The last moment at which the socket still knows its inode and its positions. */
static __always_inline int report_close(struct sock *sk, int old_state, int new_state) {
  struct socket *socket = BPF_CORE_READ(sk, sk_socket);
  if (!socket) return 0; /* closed by its process before: reported then */
  struct socket_alloc *allocation = (void *)socket; /* socket is its first member */
  __u64 id = BPF_CORE_READ(allocation, vfs_inode.i_ino);
  struct socket_state *state = bpf_map_lookup_elem(&sockets, &id);
  if (!state || state->sock != (__u64)sk) return 0;
  /* close(2) shuts both directions first; shutdown(2) only its own. Where the peer ended it (its FIN
   * after ours, or a reset), what came before can still be read. */
  __u32 received = tcp_receive_position(sk, state->receive_position);
  bool ours_first = old_state == TCP_FIN_WAIT1 || old_state == TCP_FIN_WAIT2 ||
                    old_state == TCP_CLOSING;
  bool is_final =
      (!ours_first && BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK) ||
      (new_state == TCP_CLOSE && received == tcp_arrived_position(sk));
  if ((state->flags & (SOCKET_ANNOUNCED | SOCKET_MUTED)) == SOCKET_ANNOUNCED) {
    struct socket_close_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (event) {
      fill_header(&event->header, EVENT_SOCKET_CLOSE);
      event->socket_id = id;
      event->receive_position = received;
      event->send_position = tcp_send_position(sk);
      event->error = BPF_CORE_READ(sk, sk_err);
      event->old_state = old_state;
      event->new_state = new_state;
      event->is_final = is_final;
      __builtin_memset(event->pad, 0, sizeof(event->pad));
      bpf_ringbuf_submit(event, wake_flags());
    } else {
      count_drop(DROP_RING_FULL_SOCKET);
    }
  }
  if (is_final) bpf_map_delete_elem(&sockets, &id);
  return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old_state, int new_state) {
  __u64 sock = (__u64)sk;
  if (old_state == TCP_SYN_SENT) {
    if (new_state == TCP_CLOSE) return fail_connect(sk, sock);
    bpf_map_delete_elem(&connects, &sock);
    return 0;
  }
  switch (new_state) {
    case TCP_SYN_SENT:
      return begin_connect(sock);
    case TCP_LISTEN:
      return report_listen(sk);
    case TCP_FIN_WAIT1:
    case TCP_LAST_ACK:
    case TCP_CLOSE:
      return report_close(sk, old_state, new_state);
  }
  return 0;
}
