/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a descriptor to its stream socket, and what the socket itself tells: ends, role, how far
 * each direction has come. Nothing here depends on having seen accept, connect or close. */
#pragma once
#include "bpf/events/socket_event.h"
#include "bpf/lib/bpf.h"
#include "bpf/maps/drops.h"
#include "bpf/maps/sockets.h"

struct socket_ref {
  __u64 id;
  struct socket_state *state; /* never NULL after find_socket() */
};

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd) {
  struct fdtable *table = task->files->fdt;
  struct file *file = NULL;
  if (fd >= table->max_fds) return NULL;
  bpf_probe_read_kernel(&file, sizeof(file), (void *)table->fd + fd * sizeof(void *));
  return file;
}

/* Finds or makes the state of the stream socket behind `fd`. False: no stream socket. */
static __always_inline bool find_socket(struct task_struct *task, __u32 fd, struct socket_ref *ref) {
  struct file *file = file_of(task, fd);
  if (!file) return false;
  struct inode *inode = BPF_CORE_READ(file, f_inode);
  if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK) return false;
  ref->id = BPF_CORE_READ(inode, i_ino);
  ref->state = bpf_map_lookup_elem(&sockets, &ref->id);
  if (ref->state) return true;

  struct socket *socket = BPF_CORE_READ(file, private_data);
  struct sock *sk = BPF_CORE_READ(socket, sk);
  if (!sk || BPF_CORE_READ(socket, type) != SOCK_STREAM) return false;
  struct socket_state fresh = {.sock = (__u64)sk};
  fresh.family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (fresh.family == AF_INET || fresh.family == AF_INET6)
    fresh.is_tcp = BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
  else if (fresh.family != AF_UNIX)
    return false;
  bpf_map_update_elem(&sockets, &ref->id, &fresh, BPF_NOEXIST);
  ref->state = bpf_map_lookup_elem(&sockets, &ref->id);
  if (!ref->state) count_drop(DROP_SOCKET_TABLE);
  return ref->state != NULL;
}

/* Bytes the process has read so far. A consumed FIN takes a sequence number but is no byte; it is
 * looked for only where the position is not the `expected` one, which is rare. */
static __always_inline __u32 tcp_receive_position(struct sock *sk, __u32 expected) {
  struct tcp_sock *tcp = (struct tcp_sock *)sk;
  __u32 copied = BPF_CORE_READ(tcp, copied_seq);
  if (copied != expected && (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE_BIT)) &&
      copied == BPF_CORE_READ(tcp, rcv_nxt))
    copied -= 1;
  return copied;
}

/* Bytes that came from the peer so far, read or not. */
static __always_inline __u32 tcp_arrived_position(struct sock *sk) {
  __u32 arrived = BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt);
  return BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE_BIT) ? arrived - 1 : arrived;
}

static __always_inline __u32 tcp_send_position(struct sock *sk) {
  return BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
}

/* An accepted TCP socket is a copy of its listener, backlog included; a connected one never had
 * any. (listen(fd, 0) leaves no backlog: there accept, or else the first message, tells.) */
static __always_inline __u8 inet_role(struct sock *sk) {
  return BPF_CORE_READ(sk, sk_max_ack_backlog) ? SOCKET_ROLE_SERVER : SOCKET_ROLE_UNKNOWN;
}

static __always_inline void read_inet_endpoints(struct sock *sk, struct socket_endpoints *out) {
  out->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
  out->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
  if (out->family == AF_INET) {
    __be32 address = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
    __builtin_memcpy(out->local_address, &address, 4);
    address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
    __builtin_memcpy(out->remote_address, &address, 4);
  } else {
    BPF_CORE_READ_INTO(&out->local_address, sk, __sk_common.skc_v6_rcv_saddr);
    BPF_CORE_READ_INTO(&out->remote_address, sk, __sk_common.skc_v6_daddr);
  }
}

/* Path of a bound unix socket; returns its length, 0 for none. */
static __always_inline __u32 read_unix_path(struct sock *sk, char *path) {
  struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
  if (!address) return 0;
  __u32 length = BPF_CORE_READ(address, len);
  if (length <= sizeof(__u16)) return 0;
  length -= sizeof(__u16);
  if (length > UNIX_PATH_BYTES) length = UNIX_PATH_BYTES;
  bpf_probe_read_kernel(path, length, &address->name[0].sun_path);
  return length;
}

/* Inode number of a unix socket's other end: 0 where that is not accepted yet, or gone. */
static __always_inline __u64 unix_peer_id(struct sock *sk, __u16 family) {
  if (family != AF_UNIX) return 0;
  struct socket_alloc *peer = (void *)BPF_CORE_READ((struct unix_sock *)sk, peer, sk_socket);
  return peer ? BPF_CORE_READ(peer, vfs_inode.i_ino) : 0;
}

/* `path` holds UNIX_PATH_BYTES. Fills everything but the role that a syscall may have told. */
static __always_inline __u32 read_endpoints(struct sock *sk, struct socket_endpoints *out,
                                            char *path) {
  __builtin_memset(out, 0, sizeof(*out));
  out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  out->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  if (out->family != AF_UNIX) {
    read_inet_endpoints(sk, out);
    out->role = inet_role(sk);
    return 0;
  }
  /* A socket made by accept carries its listener's address; a client's own is usually unnamed. */
  __u32 length = read_unix_path(sk, path);
  if (length) {
    out->role = SOCKET_ROLE_SERVER;
    return length;
  }
  struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
  if (peer) length = read_unix_path(peer, path);
  out->role = length ? SOCKET_ROLE_CLIENT : SOCKET_ROLE_UNKNOWN;
  return length;
}
