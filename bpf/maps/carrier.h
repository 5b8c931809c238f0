/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What carrier.bpf.c remembers, and http_carrier.bpf.c shares. */
#pragma once
#include "bpf/events/socket_event.h"
#include "bpf/events/traced_process.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/request_head.h"
#include "bpf/maps/trace_contexts.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct traced_process);
} traced_processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct program_trace);
} program_traces SEC(".maps");

/* One request by its first byte, the same at both ends (trace::RequestKey). */
struct request_place {
  __u8 client[16]; /* IPv4 as ::ffff:a.b.c.d */
  __u8 server[16];
  __u16 client_port, server_port;
  __u32 net_ns;   /* loopback addresses only */
  __u32 position; /* 0 in clients_here */
};

struct arriving_context {
  __u8 trace_id[16];
  __u8 known; /* 0: sent here, for something whose trace is not known */
  __u8 sampled;
  __u8 pad[6];
};

/* Requests under way: those that processes of this host sent, those that came with an option. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct request_place);
  __type(value, struct arriving_context);
} arrivals SEC(".maps");

/* Connections on which processes of this host send requests. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct request_place);
  __type(value, __u8);
} clients_here SEC(".maps");

/* Who serves what was read on a socket (inode number), until the next request there. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct worker_key);
} serving SEC(".maps");

/* A request's first byte that was read alone (Go's server waits in this way for the next request):
 * socket inode number → it. */
struct first_byte {
  __u32 position; /* behind it */
  char byte;
  __u8 pad[3];
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct first_byte);
} first_bytes SEC(".maps");

struct trace_ids {
  __u8 trace_id[16];
  __u8 span_id[8];
  __u8 sampled;
  __u8 kind; /* enum trace_ids_kind */
};

/* A head that a thread has just read, and what is made of it: too much for a program's stack. By
 * thread, not by CPU: programs may be preempted. */
struct reading {
  char bytes[HEAD_BYTES + HEAD_MARGIN];
  struct socket_endpoints ends;
  struct request_place place;
  struct trace_ids ids;
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct reading);
} readings SEC(".maps");

enum departure_state { DEPARTURE_NEW = 0, DEPARTURE_UNDER_WAY, DEPARTURE_OVER };

/* The newest request of a socket (struct sock *) that takes its context along. */
struct departure {
  __u32 position; /* its first byte */
  __u32 tid;      /* who sends it */
  __u8 state;     /* enum departure_state */
  __u8 has_room;  /* the segment size leaves room for the option */
  __u8 sampled;
  __u8 carries;   /* enum carries */
  __u8 pad[4];
  __u8 trace_id[16];
  __u8 span_id[8];
  __u64 socket_id;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct departure);
} departures SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, CARRIER_OUTCOME_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} carrier_outcomes SEC(".maps");

static __always_inline void count_outcome(__u32 outcome) {
  __u64 *count = bpf_map_lookup_elem(&carrier_outcomes, &outcome);
  if (count) *count += 1;
}
