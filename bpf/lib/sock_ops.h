/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The context of a sock_ops program and its operations: include/uapi/linux/bpf.h, fixed. */
#pragma once
#include "bpf/lib/kernel.h"

struct bpf_sock;

struct bpf_sock_ops {
  __u32 op;
  __u32 args[4];
  __u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
  __u32 is_fullsock, snd_cwnd, srtt_us, bpf_sock_ops_cb_flags, state, rtt_min, snd_ssthresh;
  __u32 rcv_nxt, snd_nxt, snd_una, mss_cache, ecn_flags, rate_delivered, rate_interval_us;
  __u32 packets_out, retrans_out, total_retrans, segs_in, data_segs_in, segs_out, data_segs_out;
  __u32 lost_out, sacked_out, sk_txhash;
  __u64 bytes_received, bytes_acked;
  struct bpf_sock *sk;
  void *skb_data, *skb_data_end; /* the TCP header */
  __u32 skb_len, skb_tcp_flags;
};

enum {
  BPF_SOCK_OPS_TCP_CONNECT_CB = 3,
  BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4,
  BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB = 5,
  BPF_SOCK_OPS_PARSE_HDR_OPT_CB = 13,
  BPF_SOCK_OPS_HDR_OPT_LEN_CB = 14,
  BPF_SOCK_OPS_WRITE_HDR_OPT_CB = 15,
};
#define BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG (1 << 4)
#define BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG (1 << 5)
#define BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG (1 << 6)
#define BPF_WRITE_HDR_TCP_CURRENT_MSS 1 /* args[0]: asked for the segment size, not for a segment */
