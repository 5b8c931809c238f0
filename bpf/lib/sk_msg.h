/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The context of an sk_msg program, which sees what one call sends before it is a part of the
 * stream (include/uapi/linux/bpf.h, fixed), and how a line is put into that. */
#pragma once
#include "bpf/lib/bpf.h"

struct bpf_sock;

struct sk_msg_md {
  void *data, *data_end;
  __u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, size;
  struct bpf_sock *sk;
};

enum sk_action { SK_DROP = 0, SK_PASS };

#define LINE_BYTES 70         /* of a traceparent header with its line end */
#define MESSAGE_IN_ONE 16384  /* longer messages leave in more than one segment anyway */

/* Its first `bytes` lie in one piece, as far as that can be done. */
static __always_inline void make_readable(struct sk_msg_md *message, __u32 bytes) {
  if (message->data + bytes > message->data_end) bpf_msg_pull_data(message, 0, bytes, 0);
}

static __always_inline bool write_line(struct sk_msg_md *message, __u32 at, const char *line) {
  char *place = (char *)message->data + at;
  if (place + LINE_BYTES > (char *)message->data_end) return false;
#pragma unroll
  for (int i = 0; i < LINE_BYTES; i++) place[i] = line[i];
  return true;
}

enum insertion { LINE_INSERTED = 0, LINE_REFUSED, LINE_SPOILT };

/* `at` < `limit`, a constant power of two. LINE_REFUSED: the message is what it was. LINE_SPOILT,
 * which no kernel was seen to give: it must not be sent. */
static __always_inline enum insertion insert_line(struct sk_msg_md *message, __u32 at, __u32 limit,
                                                  const char *line) {
  if (bpf_msg_push_data(message, at, LINE_BYTES, 0)) return LINE_REFUSED;
  /* In one piece again: the kernel would send each piece in a segment of its own. */
  __u32 whole = message->size;
  if (whole > MESSAGE_IN_ONE) whole = MESSAGE_IN_ONE;
  if (!bpf_msg_pull_data(message, 0, whole, 0)) {
    asm volatile("" : "+r"(at));
    at &= limit - 1;
    if (write_line(message, at, line)) return LINE_INSERTED;
  }
  if (!bpf_msg_pull_data(message, at, at + LINE_BYTES, 0) && write_line(message, 0, line))
    return LINE_INSERTED;
  return bpf_msg_pop_data(message, at, LINE_BYTES, 0) ? LINE_SPOILT : LINE_REFUSED;
}
