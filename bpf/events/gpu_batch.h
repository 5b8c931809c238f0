/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the injected library (cupti/) hands over: blocks of 64-byte slots, written in the target and
 * so believed by nobody. The library fires the USDT tacit:gpu_batch with the address and the length
 * of one block; cupti.bpf.c copies it into a gpu_batch_event. The library's file sink writes the same
 * blocks one after another. Compiles as BPF C, C and C++; little-endian; every time is
 * CLOCK_MONOTONIC in ns. */
#pragma once
#include "bpf/events/event_header.h"

#define GPU_BATCH_MAGIC 0x31504754u /* "TGP1": the layout's version is in it */
#define GPU_BATCH_SLOTS 128         /* at most, behind the header */
#define GPU_SLOT_BYTES 64
#define GPU_NAME_BYTES 1024 /* longest interned name; longer ones are cut */
#define GPU_DEVICE_UNKNOWN 0xffff /* gpu_record.device: CUPTI does not say (a wait of the host) */

/* What the library is doing. A number in metrics and a word in labels. */
enum gpu_tracer_state {
  GPU_TRACER_WAITING = 0, /* no CUDA context yet, or nobody listens: nothing is recorded */
  GPU_TRACER_ACTIVE,      /* kernels, copies, memsets, synchronisation */
  GPU_TRACER_NO_COPIES,   /* stepped down: kernels only */
  GPU_TRACER_GRAPHS,      /* stepped down: a record a graph launch, none a node */
  GPU_TRACER_DUTY_CYCLE,  /* stepped down: on for a part of the time */
  GPU_TRACER_OFF,         /* stepped down to nothing: even that cost too much */
  GPU_TRACER_YIELDED,     /* somebody else subscribed to CUPTI (a profiler) */
  GPU_TRACER_UNSUPPORTED, /* no usable CUPTI in this process */
  GPU_TRACER_FAILED,      /* CUPTI reported an error that cannot be mended */
  GPU_TRACER_STATE_COUNT,
};

/* First slot of every block. */
struct gpu_batch_header {
  __u32 magic;
  __u32 slots;       /* that follow, 0 (a sign of life, or a change of state) to GPU_BATCH_SLOTS */
  __u64 sequence;    /* of blocks of this process, from 0: a gap is what the ring lost */
  __u64 time_ns;     /* of the hand-over */
  __u64 dropped;     /* records lost before they came here: CUPTI's own drops and full queues; ever */
  __u64 invalid;     /* records whose times could not be: zero, reversed, before the launch; ever */
  __u64 overhead_ns; /* the tracer's own time in this process (callbacks, CUPTI's reports); ever */
  __u32 state;       /* enum gpu_tracer_state */
  __s32 error;       /* CUptiResult of the last failure, 0: none */
  __u32 cupti_version; /* CUPTI_API_VERSION of the library in use */
  __u32 pad;
};
TACIT_STATIC_ASSERT(sizeof(struct gpu_batch_header) == GPU_SLOT_BYTES, "one slot");

enum gpu_record_kind {
  GPU_RECORD_KERNEL = 1,
  GPU_RECORD_COPY,
  GPU_RECORD_SET,   /* memset */
  GPU_RECORD_SYNC,  /* the host waited: start_ns to end_ns are the wait */
  GPU_RECORD_GRAPH, /* one launch of a graph as a whole */
  GPU_RECORD_NAME,  /* `name` is the number, `bytes` the length of the text (not terminated) in the
                     * next ceil(bytes / 64) slots of the same block; before its first use */
};

/* Which way a copy went; CUpti_ActivityMemcpyKind's numbers. */
enum gpu_copy_kind {
  GPU_COPY_UNKNOWN = 0,
  GPU_COPY_HOST_TO_DEVICE = 1,
  GPU_COPY_DEVICE_TO_HOST = 2,
  GPU_COPY_HOST_TO_ARRAY = 3,
  GPU_COPY_ARRAY_TO_HOST = 4,
  GPU_COPY_ARRAY_TO_ARRAY = 5,
  GPU_COPY_ARRAY_TO_DEVICE = 6,
  GPU_COPY_DEVICE_TO_ARRAY = 7,
  GPU_COPY_DEVICE_TO_DEVICE = 8,
  GPU_COPY_HOST_TO_HOST = 9,
  GPU_COPY_PEER_TO_PEER = 10,
};

struct gpu_record {
  __u8 kind;         /* enum gpu_record_kind */
  __u8 detail;       /* COPY: enum gpu_copy_kind; SYNC: CUpti_ActivitySynchronizationType */
  __u16 device;      /* CUDA's ordinal in the process */
  __u32 correlation; /* CUPTI's id of the API call; wraps; nodes of one graph launch share it */
  __u64 start_ns;    /* on the device (SYNC: on the host) */
  __u64 end_ns;      /* never before start_ns */
  __u64 launch_ns;   /* when the host made the call; 0: not seen */
  __u64 bytes;       /* COPY, SET: moved; KERNEL, GRAPH: 0; NAME: length of the text */
  __u32 tid;         /* who made the call, as the process's own pid namespace names it; 0: not seen */
  __u32 stream;
  __u32 context;
  __u32 name;       /* KERNEL: number of its (mangled) name; 0: not known */
  __u32 graph;      /* id of the CUDA graph it belongs to; 0: none */
  __u32 reserved;
};
TACIT_STATIC_ASSERT(sizeof(struct gpu_record) == GPU_SLOT_BYTES, "one slot");

/* Ring record: a block as it was copied. `bytes` of it are there, a multiple of GPU_SLOT_BYTES. */
struct gpu_batch_event {
  struct event_header header; /* the thread that handed it over */
  __u32 bytes;
  __u32 lost_slots; /* of this process's blocks that found no room or were too many, since it is known */
  /* the block */
};
TACIT_STATIC_ASSERT(sizeof(struct gpu_batch_event) == 32, "no hidden padding");
