/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One transfer on a socket, from where its bytes lie in user memory to a data_event in the ring. */
#pragma once
#include "bpf/events/data_event.h"
#include "bpf/events/socket_event.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/task.h"
#include "bpf/maps/skips.h"

/* The functions below that are not static are verified once each, whatever calls them; inlined or
 * static they would multiply past the verifier's limit. */

/* Buffers of one readv/writev/sendmsg/recvmsg that are walked. Beyond it bytes are only counted. */
#define MAX_BUFFERS 64

struct transfer {
  void *buffer;        /* bytes, or struct iovec[buffers] where buffers > 0; NULL: length only */
  __u32 buffers;
  __u32 total;         /* bytes moved, 0 with flags */
  __u32 capture;       /* how many of them to copy */
  __u32 later;         /* bytes that the same syscall moved after these (sendmmsg) */
  __u8 direction;
  __u8 flags;
  __u16 error;
  bool has_tasks;      /* a runtime tells what the thread runs */
  __u32 position;
  __u32 peer_position;
  __u32 inserted;      /* bytes in front of these that are not the process's */
  struct task_ref by;  /* its task is filled in once the transfer is to be reported */
};

/* Where both directions stand after this transfer. */
static __always_inline void locate(struct socket_state *state, struct transfer *t) {
  struct sock *sk = (struct sock *)state->sock;
  if (!state->is_tcp) { /* unix sockets have no sequence numbers: count */
    if (t->direction == DATA_RECEIVE) {
      t->position = __sync_fetch_and_add(&state->receive_position, t->total) + t->total;
      t->peer_position = state->send_position;
    } else {
      t->position = __sync_fetch_and_add(&state->send_position, t->total) + t->total;
      t->peer_position = state->receive_position;
    }
    return;
  }
  __u32 sent = tcp_send_position(sk);
  __u32 received = tcp_receive_position(sk, state->receive_position + t->total + t->later);
  t->position = (t->direction == DATA_RECEIVE ? received : sent) - t->later;
  t->peer_position = t->direction == DATA_RECEIVE ? sent : received;
  if (t->direction == DATA_SEND && state->inserted_bytes) {
    t->inserted = state->inserted_bytes;
    state->inserted_bytes = 0;
  }
  if (t->direction == DATA_RECEIVE) state->receive_position = t->position;
}

/* Tells user space about a socket before its first transfer. False: the ring was full. */
__noinline int announce(__u64 id, struct socket_state *state, struct transfer *t) {
  struct socket_open_event *event;
  if (!state || !t) return 0;
  event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_SOCKET);
    return 0;
  }
  __builtin_memset(event, 0, sizeof(*event));
  fill_header(&event->header, EVENT_SOCKET_OPEN);
  event->socket_id = id;
  event->unix_path_bytes =
      read_endpoints((struct sock *)state->sock, &event->endpoints, event->unix_path);
  if (state->role) event->endpoints.role = state->role;
  event->from_start = (state->flags & SOCKET_FROM_START) != 0;
  event->origin = state->origin;
  event->peer_socket_id = unix_peer_id((struct sock *)state->sock, state->family);
  __u32 begin = t->position - t->total - t->inserted;
  event->receive_position = t->direction == DATA_RECEIVE ? begin : t->peer_position;
  event->send_position = t->direction == DATA_RECEIVE ? t->peer_position : begin;
  bpf_ringbuf_submit(event, wake_flags());
  state->flags |= SOCKET_ANNOUNCED;
  return 1;
}

static __always_inline void fill_data(struct data_event *event, __u64 id, struct transfer *t,
                                      __u32 captured) {
  fill_header(&event->header, EVENT_DATA);
  event->socket_id = id;
  event->position = t->position;
  event->peer_position = t->peer_position;
  event->total_bytes = t->total;
  event->captured_bytes = captured;
  event->direction = t->direction;
  event->flags = t->flags;
  event->error = t->error;
  event->inserted_bytes = t->inserted;
  event->by = t->by;
}

static __always_inline void count_full(struct transfer *t) {
  count_drop(t->direction == DATA_RECEIVE ? DROP_RING_FULL_RECEIVE : DROP_RING_FULL_SEND);
}

/* Ring space is reserved by size class: the verifier wants constants, and reserving the maximum
 * for each event would leave room for a handful. A vector's class is reserved twice, because a
 * piece's offset and length are each bounded by the class but not their sum. */
#define FORGET_MINIMUM(value, mask) /* or the verifier follows each possible sum by itself */        \
  asm volatile("" : "+r"(value));                                                                \
  value &= mask

#define DEFINE_EMIT(CLASS)                                                                       \
  __noinline int emit_flat_##CLASS(__u64 id, struct transfer *t) {                               \
    if (!t) return 0;                                                                            \
    struct data_event *event = bpf_ringbuf_reserve(&events, sizeof(*event) + CLASS, 0);          \
    if (!event) {                                                                                \
      count_full(t);                                                                             \
      return 0;                                                                                  \
    }                                                                                            \
    __u32 length = t->capture;                                                                   \
    if (length > CLASS) length = CLASS;                                                          \
    if (length && bpf_probe_read_user(event + 1, length, t->buffer)) {                           \
      count_drop(DROP_USER_MEMORY);                                                              \
      length = 0;                                                                                \
    }                                                                                            \
    fill_data(event, id, t, length);                                                             \
    bpf_ringbuf_submit(event, wake_flags());                                                     \
    return 1;                                                                                    \
  }                                                                                              \
  __noinline int emit_vector_##CLASS(__u64 id, struct transfer *t) {                             \
    if (!t) return 0;                                                                            \
    struct data_event *event = bpf_ringbuf_reserve(&events, sizeof(*event) + 2 * CLASS, 0);      \
    if (!event) {                                                                                \
      count_full(t);                                                                             \
      return 0;                                                                                  \
    }                                                                                            \
    char *bytes = (char *)(event + 1);                                                           \
    __u32 filled = 0, capture = t->capture;                                                      \
    for (__u32 i = 0; i < MAX_BUFFERS; i++) {                                                    \
      struct iovec piece;                                                                        \
      FORGET_MINIMUM(filled, 2 * CLASS - 1);                                                     \
      if (i >= t->buffers || filled >= capture || filled >= CLASS) break;                        \
      if (bpf_probe_read_user(&piece, sizeof(piece), (struct iovec *)t->buffer + i)) {           \
        count_drop(DROP_USER_MEMORY);                                                            \
        break;                                                                                   \
      }                                                                                          \
      __u64 room = capture - filled;                                                             \
      __u32 length = piece.iov_len < room ? piece.iov_len : room;                                \
      if (!length) continue;                                                                     \
      if (length > CLASS) break;                                                                 \
      if (bpf_probe_read_user(bytes + filled, length, piece.iov_base)) {                         \
        count_drop(DROP_USER_MEMORY);                                                            \
        break;                                                                                   \
      }                                                                                          \
      filled += length;                                                                          \
    }                                                                                            \
    if (filled < capture && t->buffers > MAX_BUFFERS) count_drop(DROP_TOO_MANY_BUFFERS);         \
    fill_data(event, id, t, filled);                                                             \
    bpf_ringbuf_submit(event, wake_flags());                                                     \
    return 1;                                                                                    \
  }

DEFINE_EMIT(256)
DEFINE_EMIT(1024)
DEFINE_EMIT(4096)
DEFINE_EMIT(16384)
DEFINE_EMIT(65536)

static __always_inline int emit_data(__u64 id, struct transfer *t) {
  __u32 n = t->capture;
  if (t->buffers) {
    if (n <= 256) return emit_vector_256(id, t);
    if (n <= 1024) return emit_vector_1024(id, t);
    if (n <= 4096) return emit_vector_4096(id, t);
    if (n <= 16384) return emit_vector_16384(id, t);
    return emit_vector_65536(id, t);
  }
  if (n <= 256) return emit_flat_256(id, t);
  if (n <= 1024) return emit_flat_1024(id, t);
  if (n <= 4096) return emit_flat_4096(id, t);
  if (n <= 16384) return emit_flat_16384(id, t);
  return emit_flat_65536(id, t);
}

/* What one record cannot hold goes as several: the framing of a chunked body may lie anywhere in a
 * long transfer. Beyond MAX_SEGMENTS, or while the ring is a quarter full, the middle is a length
 * and only the end is copied (a chunk's end is there): long bodies must not crowd out the heads of
 * others. */
#define SEGMENT_BYTES 65536
#define MAX_SEGMENTS 4
#define TAIL_BYTES 4096

static __always_inline void advance(struct transfer *part, __u32 *left, __u32 length) {
  part->buffer += length;
  *left -= length;
}

__noinline int emit_segments(__u64 id, struct transfer *t) {
  if (!t) return 0;
  struct transfer part = *t;
  __u32 left = t->total;
  part.position = t->position - t->total;
  part.total = part.capture = SEGMENT_BYTES;
  const __u64 quarter = bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 4;
  for (int i = 0; i < MAX_SEGMENTS && left > SEGMENT_BYTES; i++) {
    if (i > 0 && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > quarter) break;
    part.position += SEGMENT_BYTES;
    emit_flat_65536(id, &part);
    part.inserted = 0;
    advance(&part, &left, SEGMENT_BYTES);
  }
  if (left > SEGMENT_BYTES) {
    part.total = left - TAIL_BYTES;
    part.capture = 0;
    part.position = t->position - TAIL_BYTES;
    emit_flat_256(id, &part);
    advance(&part, &left, part.total);
  }
  part.total = part.capture = left;
  part.position = t->position;
  return emit_data(id, &part);
}

/* True: every byte of the transfer lies inside a span that user space does not want to see. Only
 * long transfers are worth the lookup. */
static __always_inline bool is_skipped(__u64 id, struct transfer *t) {
  if (t->total < 2048) return false;
  struct socket_skip *skip = bpf_map_lookup_elem(&skips, &id);
  __u32 direction = t->direction & 1;
  return skip && skip->valid[direction] && (__s32)(skip->until[direction] - t->position) >= 0;
}

__noinline int report_transfer(__u64 id, struct socket_state *state, struct transfer *t) {
  if (!state || !t) return 0;
  if (state->flags & SOCKET_MUTED) return 0;
  locate(state, t);
  if (is_skipped(id, t)) return 0;
  if (t->has_tasks) t->by.task = current_task();
  if (!(state->flags & SOCKET_ANNOUNCED) && !announce(id, state, t)) {
    state->flags &= ~SOCKET_FROM_START; /* this transfer is lost: the next one is no start */
    if (t->total) count_full(t);
    return 0;
  }
  /* In one buffer, and the agent looks at as much as it can. */
  if (t->total > SEGMENT_BYTES && t->capture == SEGMENT_BYTES && !t->buffers)
    return emit_segments(id, t);
  return emit_data(id, t);
}

static __always_inline int report(struct socket_ref *ref, struct transfer *t) {
  return report_transfer(ref->id, ref->state, t);
}
