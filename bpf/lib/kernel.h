/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the kernel's types that the probes read, and nothing else. Every access is relocated
 * by name to the running kernel's layout (CO-RE), so only names and types matter here, not order or
 * size. This replaces a generated vmlinux.h: the build needs no BTF of any kernel, and the list of
 * what we depend on fits on a page. */
#pragma once

typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef signed int __s32;
typedef unsigned int __u32;
typedef signed long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u16 __sum16;

enum { false = 0, true = 1 };
typedef _Bool bool;
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h: the few constants that programs use. */
enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_SOCKHASH = 18,
  BPF_MAP_TYPE_SK_STORAGE = 24,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
  BPF_ANY = 0,
  BPF_NOEXIST = 1,
  BPF_F_NO_PREALLOC = 1,
  BPF_LOCAL_STORAGE_GET_F_CREATE = 1, /* also BPF_SK_STORAGE_GET_F_CREATE */
  BPF_F_MMAPABLE = 1024,
  BPF_RB_NO_WAKEUP = 1,
  BPF_RB_FORCE_WAKEUP = 2,
  BPF_RB_AVAIL_DATA = 0,
  BPF_RB_RING_SIZE = 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, sp,
      flags;
};
struct thread_info {
  __u32 status; /* TS_COMPAT */
};
struct thread_struct {
  unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
  __u64 regs[31];
  __u64 orig_x0;
  __s32 syscallno;
};
struct thread_info {
  unsigned long flags; /* TIF_32BIT */
};
struct thread_struct {
  struct {
    unsigned long tp_value;
  } uw;
};
#endif

typedef struct {
  int counter;
} atomic_t;

struct inode {
  __u16 i_mode;
  unsigned long i_ino;
};
struct file {
  struct inode *f_inode;
  unsigned int f_flags;
  void *private_data;
};
struct fdtable {
  unsigned int max_fds;
  struct file **fd;
};
struct files_struct {
  struct fdtable *fdt;
};
struct mm_struct {
  unsigned long arg_start, arg_end, env_start, env_end;
};
struct signal_struct {
  atomic_t live;
  unsigned int flags;
  int group_exit_code;
};
struct task_struct {
  struct thread_info thread_info;
  struct thread_struct thread;
  unsigned int flags; /* PF_* */
  int pid, tgid, exit_code;
  struct task_struct *real_parent, *group_leader;
  struct files_struct *files;
  struct mm_struct *mm;
  struct signal_struct *signal;
  __u64 start_time, start_boottime;
  char comm[16];
};
struct linux_binprm;

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
typedef struct {
  struct net *net;
} possible_net_t;
struct in6_addr {
  union {
    __u8 u6_addr8[16];
  } in6_u;
};
struct sock_common {
  __be32 skc_daddr, skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
  unsigned long skc_flags;
};
struct socket {
  short type;
  struct file *file;
  struct sock *sk;
};
struct socket_alloc {
  struct socket socket;
  struct inode vfs_inode;
};
struct sock {
  struct sock_common __sk_common;
  int sk_err;
  __u8 sk_shutdown;
  __u32 sk_max_ack_backlog;
  __u16 sk_protocol;
  struct socket *sk_socket;
};
struct tcp_sock {
  __u32 copied_seq, write_seq, rcv_nxt, snd_una;
};
struct tcp_ulp_ops;
struct inet_connection_sock {
  const struct tcp_ulp_ops *icsk_ulp_ops;
};
struct unix_address {
  int len;
  struct {
    __u16 sun_family;
    char sun_path[108];
  } name[];
};
struct unix_sock {
  struct unix_address *addr;
  struct sock *peer;
};
struct io_kiocb {
  __u8 opcode;
};

#pragma clang attribute pop

/* User-space layouts (uapi), fixed. */
struct iovec {
  void *iov_base;
  __u64 iov_len;
};
struct user_msghdr {
  void *msg_name;
  int msg_namelen;
  int pad;
  struct iovec *msg_iov;
  __u64 msg_iovlen;
  void *msg_control;
  __u64 msg_controllen;
  unsigned int msg_flags;
  int pad2;
};
struct mmsghdr {
  struct user_msghdr msg_hdr;
  unsigned int msg_len;
  int pad;
};

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFIFO 0010000
#define SOCK_DONE_BIT 1 /* enum sock_flags: the peer's FIN was received */
enum tcp_state {
  TCP_ESTABLISHED = 1,
  TCP_SYN_SENT = 2,
  TCP_FIN_WAIT1 = 4,
  TCP_FIN_WAIT2 = 5,
  TCP_CLOSE = 7,
  TCP_LAST_ACK = 9,
  TCP_LISTEN = 10,
  TCP_CLOSING = 11,
};
#define SHUTDOWN_MASK 3
#define O_NONBLOCK 04000
#define SIGNAL_GROUP_EXIT 4 /* include/linux/sched/signal.h */
#define SOL_SOCKET 1
#define SO_ERROR 4
#define PROT_EXEC 0x4
#define MAP_ANONYMOUS 0x20
#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EBADF 9
#define EAGAIN 11
#define EACCES 13
#define EADDRNOTAVAIL 99
#define ENETDOWN 100
#define ENETUNREACH 101
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113
#define EINPROGRESS 115
