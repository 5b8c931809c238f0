/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that requests with a header of ours leave on. */
#pragma once
#include "bpf/lib/bpf.h"
#include "bpf/lib/plain_head.h"

struct http_stream {
  __u32 next;   /* where the next request begins */
  __u8 over;    /* nothing will be put in any more: the socket leaves http_sockets */
  __u8 carries; /* enum carries */
  __u8 pad[2];
  struct plain_head head; /* of the message that is looked at; under the socket's lock */
};

/* Made when a selected process connects; goes with its socket. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct http_stream);
} http_streams SEC(".maps");

/* By cookie. What its members send passes through the sk_msg program; no others are ever members. */
struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, __u64);
} http_sockets SEC(".maps");
