/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What http_carrier.bpf.c does, to sockets that the agent made itself (agent/probe/header_canary.h):
 * puts the same line into everything that is sent. */
#include "bpf/lib/bpf.h"
#include "bpf/lib/sk_msg.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
} canaries SEC(".maps");

const volatile char line[LINE_BYTES + 2] = "";
const volatile __u32 line_place = 0;

SEC("sk_msg")
int header_canary(struct sk_msg_md *message) {
  char own[LINE_BYTES];
  for (int i = 0; i < LINE_BYTES; i++) own[i] = line[i];
  make_readable(message, 16);
  return insert_line(message, line_place & 63, 64, own) == LINE_SPOILT ? SK_DROP : SK_PASS;
}
