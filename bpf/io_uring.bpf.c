/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Socket operations that a followed process submits through io_uring never pass a syscall of their
 * own. They are counted, so that what cannot be seen is at least known. */
#include "bpf/lib/bpf.h"
#include "bpf/maps/followed_processes.h"
#include "bpf/maps/io_uring_operations.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* enum io_uring_op, include/uapi/linux/io_uring.h */
static __always_inline bool is_socket_operation(__u8 opcode) {
  switch (opcode) {
    case 9:  /* SENDMSG */
    case 10: /* RECVMSG */
    case 26: /* SEND */
    case 27: /* RECV */
    case 47: /* SEND_ZC */
    case 48: /* SENDMSG_ZC */
      return true;
  }
  return false;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(io_uring_submit_req, struct io_kiocb *request) {
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (!is_followed(pid) || !is_socket_operation(request->opcode)) return 0;
  __u64 *count = bpf_map_lookup_elem(&io_uring_operations, &pid), one = 1;
  if (count)
    __sync_fetch_and_add(count, 1);
  else
    bpf_map_update_elem(&io_uring_operations, &pid, &one, BPF_ANY);
  return 0;
}
