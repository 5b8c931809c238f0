/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Go's goroutines: who started whom, and for whom net/http's write loops write. The agent attaches
 * these programs to instructions of a followed process's executable (agent/runtime/go_image.cpp has
 * the places and why). No address of a stack is kept: Go moves its stacks. */
#include "bpf/lib/bpf.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/task_events.h"
#include "bpf/lib/value_place.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* g.m; the same in every release that is recognised. */
#define MACHINE_IN_G 48
/* How many types may wrap a connection, each holding the next as its first field (tls.Conn,
 * struct{net.Conn; …}). */
#define MAX_WRAPPERS 3

static __always_inline struct runtime_layout *go_layout(void) {
  struct followed_process *process = followed_process(bpf_get_current_pid_tgid() >> 32);
  return process && process->runtime.kind == RUNTIME_GO ? &process->runtime : NULL;
}

#if defined(__TARGET_ARCH_x86)
#define GO_G(regs) ((regs)->r14) /* Go's internal calling convention */
/* At a jbe that is about to be taken (carry or zero): the stack is grown first, and then the function
 * is entered again. */
#define STACK_IS_SHORT(regs) ((regs)->flags & 0x41)
#else /* nothing is attached there yet */
#define GO_G(regs) 0
#define STACK_IS_SHORT(regs) 1
#endif

/* Before Go 1.21 a g does not know who started it: it is what ran on this thread until it changed to
 * the system stack, m.curg. */
static __always_inline __u64 running_before(struct runtime_layout *at, __u64 g, __u64 curg_in_m) {
  __u64 m = read_word(g + MACHINE_IN_G);
  __u64 curg = m ? read_word(m + curg_in_m) : 0;
  return curg ? read_word(curg + at->task_offset) : 0;
}

/* The cookie names the new g's register and, in its upper half, m.curg's offset. */
SEC("uprobe")
int go_goroutine_started(struct pt_regs *regs) {
  struct runtime_layout *at = go_layout();
  if (!at) return 0;
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  __u64 started = place_register(regs, cookie);
  __u64 child = read_word(started + at->task_offset);
  if (!child) return 0;
  __u64 parent = at->parent_offset
                     ? read_word(started + at->parent_offset)
                     : running_before(at, GO_G(regs), cookie >> PLACE_OFFSET_SHIFT);
  return report_task_start(parent, child);
}

/* Serves whoever asks it, not the one who happened to start it. */
SEC("uprobe")
int go_loop_started(struct pt_regs *regs) {
  if (STACK_IS_SHORT(regs)) return 0;
  __u64 self = current_task();
  return self ? report_task_start(0, self) : 0;
}

/* internal/poll.FD and what follows it in net.netFD (Go 1.18 to 1.26). */
struct go_net_fd {
  __u64 mutex[2];
  __s64 descriptor;
  __u64 poll[4];
  __s64 family;
  __s64 socket_type;
  __u8 is_connected;
  __u8 pad[7];
};

/* The inode number of the stream socket behind what looks like a net.netFD; 0: it is none. */
static __always_inline __u64 socket_behind(__u64 address) {
  struct go_net_fd fd;
  if (bpf_probe_read_user(&fd, sizeof(fd), (void *)address)) return 0;
  if (fd.descriptor < 0 || fd.descriptor > 0x7fffffff || fd.socket_type != SOCK_STREAM ||
      fd.is_connected != 1)
    return 0;
  struct file *file = file_of(bpf_get_current_task_btf(), fd.descriptor);
  if (!file) return 0;
  struct inode *inode = BPF_CORE_READ(file, f_inode);
  if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK) return 0;
  struct socket *socket = BPF_CORE_READ(file, private_data);
  if (BPF_CORE_READ(socket, type) != SOCK_STREAM ||
      BPF_CORE_READ(socket, sk, __sk_common.skc_family) != fd.family)
    return 0;
  return BPF_CORE_READ(inode, i_ino);
}

/* net.Conn is {type, data}; the data of *net.TCPConn and *net.UnixConn begins with *netFD. */
static __always_inline __u64 socket_of_connection(__u64 interface) {
  for (int i = 0; i <= MAX_WRAPPERS; i++) {
    __u64 data = read_word(interface + 8);
    if (!data) return 0;
    __u64 id = socket_behind(read_word(data));
    if (id) return id;
    interface = data;
  }
  return 0;
}

/* The cookie names persistConn's register and, in its upper half, conn's offset in it. */
SEC("uprobe")
int go_request_claimed(struct pt_regs *regs) {
  if (STACK_IS_SHORT(regs) || !go_layout()) return 0;
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  __u64 id = socket_of_connection(place_register(regs, cookie) + (cookie >> PLACE_OFFSET_SHIFT));
  if (!id) return 0;
  return report_claim(current_task(), id);
}
