/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts a traceparent header into plain HTTP/1.1 requests of selected services. Loaded only where the
 * user asked for it. carrier.bpf.c has decided what the header says when the call began (departures);
 * here the bytes that are really sent are looked at, before they are a part of the stream.
 *
 * Only sockets that a selected process connects are ever members of http_sockets. A line is put in
 * where all of this is certain, or else nothing changes: the message is the first of a send that
 * departures names; it begins where the request before it ended (known by counting from the
 * connection's first byte); its head is whole in it and plain; nothing but its own body follows. A
 * stream that was once not certain is left alone for good, and its socket leaves http_sockets.
 *
 * A member whose reader waits in a blocking receive tells it of a reset with EAGAIN, on every kernel,
 * and on many FIONREAD is wrong. So a socket may stay only where neither can be; others leave when
 * their first request does, before an answer can come: no further request there gets a header. */
#include "bpf/events/traced_process.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/plain_head.h"
#include "bpf/lib/sk_msg.h"
#include "bpf/lib/sock_ops.h"
#include "bpf/maps/carrier.h"
#include "bpf/maps/http_streams.h"
#include "bpf/maps/sockets.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 0: a member of http_sockets would answer FIONREAD with 0 on this kernel. */
const volatile __u8 keeps_sockets = 0;

/* ---- which sockets ---- */

static __always_inline struct tcp_sock *tcp_of(struct bpf_sock *sk) {
  return sk ? bpf_skc_to_tcp_sock(sk) : NULL;
}

static __always_inline void connecting(struct bpf_sock_ops *ops) {
  struct bpf_sock *sk = ops->sk;
  __u32 pid = bpf_get_current_task_btf()->tgid;
  struct traced_process *process = bpf_map_lookup_elem(&traced_processes, &pid);
  struct tcp_sock *tcp = tcp_of(sk);
  if (!tcp || !process || !(process->carries & CARRIES_HEADER)) return;
  struct http_stream *stream =
      bpf_sk_storage_get(&http_streams, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!stream) return count_outcome(CARRIER_FAILED);
  stream->next = BPF_CORE_READ(tcp, write_seq) + 1; /* behind the SYN */
  stream->carries = process->carries;
  stream->over = 0;
}

static __always_inline void connected(struct bpf_sock_ops *ops, struct http_stream *stream) {
  struct tcp_sock *tcp = tcp_of(ops->sk);
  if (!tcp || stream->over || BPF_CORE_READ(tcp, write_seq) != stream->next) return;
  __u64 key = bpf_get_socket_cookie(ops);
  if (bpf_sock_hash_update(ops, &http_sockets, &key, BPF_NOEXIST))
    return count_outcome(CARRIER_FAILED);
  __u32 flags = ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
  /* The server may speak first: then it leaves too. */
  if (!keeps_sockets) flags |= BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG;
  bpf_sock_ops_cb_flags_set(ops, flags);
}

static __always_inline void leave(struct bpf_sock_ops *ops, struct http_stream *stream) {
  __u64 key = bpf_get_socket_cookie(ops);
  bpf_map_delete_elem(&http_sockets, &key);
  __u32 flags = ops->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG;
  if (!(stream->carries & CARRIES_OPTION)) flags &= ~BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
  bpf_sock_ops_cb_flags_set(ops, flags);
}

static __always_inline bool has_payload(struct bpf_sock_ops *ops) {
  const __u8 *header = ops->skb_data;
  if ((void *)header + 20 > ops->skb_data_end) return false;
  return ops->skb_len > (__u32)(header[12] >> 4) * 4;
}

SEC("sockops")
int carrier_header_sockets(struct bpf_sock_ops *ops) {
  struct bpf_sock *sk = ops->sk;
  if (!sk) return 1;
  if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
    connecting(ops);
    return 1;
  }
  if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_HDR_OPT_LEN_CB &&
      ops->op != BPF_SOCK_OPS_PARSE_HDR_OPT_CB)
    return 1;
  struct http_stream *stream = bpf_sk_storage_get(&http_streams, sk, NULL, 0);
  if (!stream) return 1;
  if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
    connected(ops, stream);
    return 1;
  }
  if (ops->op == BPF_SOCK_OPS_PARSE_HDR_OPT_CB && !keeps_sockets && !stream->over &&
      has_payload(ops))
    stream->over = 1;
  if (stream->over) leave(ops, stream);
  return 1;
}

/* ---- what is put in ---- */

static __always_inline void write_hex(char *out, const __u8 *bytes, int count) {
#pragma unroll
  for (int i = 0; i < count; i++) {
    __u8 high = bytes[i] >> 4, low = bytes[i] & 15;
    out[2 * i] = high < 10 ? '0' + high : 'a' + high - 10;
    out[2 * i + 1] = low < 10 ? '0' + low : 'a' + low - 10;
  }
}

__noinline int put_line(struct sk_msg_md *message, __u32 at, struct departure *departure) {
  if (!departure) return LINE_REFUSED;
  char line[LINE_BYTES + 2] = "traceparent: 00-";
  write_hex(line + 16, departure->trace_id, 16);
  line[48] = '-';
  write_hex(line + 49, departure->span_id, 8);
  line[65] = '-';
  line[66] = '0';
  line[67] = departure->sampled ? '1' : '0';
  line[68] = '\r';
  line[69] = '\n';
  return insert_line(message, at & (HEAD_BYTES - 1), HEAD_BYTES, line);
}

/* The request of this very send; NULL: there is none whose trace is known. */
static __always_inline struct departure *departure_at(struct tcp_sock *tcp, __u32 position) {
  __u64 key = (__u64)tcp;
  struct departure *departure = bpf_map_lookup_elem(&departures, &key);
  if (!departure || departure->position != position ||
      departure->tid != (__u32)bpf_get_current_task_btf()->pid ||
      !(departure->carries & CARRIES_HEADER))
    return NULL;
  return departure;
}

/* Where the request ends is known from here on, or the stream is over for us. Returns false where
 * nothing may be put in. */
static __always_inline bool follow_request(struct http_stream *stream, __u32 size,
                                           __u32 position) {
  const struct plain_head *head = &stream->head;
  __u32 body = size - head->bytes;
  if (head->state != HEAD_WHOLE) {
    stream->over = 1;
    count_outcome(head->state == HEAD_STRANGE ? CARRIER_NOT_PLAIN : CARRIER_NOT_WHOLE);
    return false;
  }
  bool is_pipelined = !head->has_coding && body > head->content_length;
  if (head->leaves_http || is_pipelined) {
    stream->over = 1;
    count_outcome(CARRIER_NOT_PLAIN);
    return false;
  }
  if (head->has_coding || head->may_be_refused) stream->over = 1;
  stream->next = position + head->bytes + head->content_length;
  return true;
}

static __always_inline int insert_header(struct sk_msg_md *message, struct http_stream *stream,
                                         struct departure *departure) {
  int inserted = put_line(message, stream->head.line_end, departure);
  if (inserted == LINE_INSERTED) {
    stream->next += LINE_BYTES;
    struct socket_state *state = bpf_map_lookup_elem(&sockets, &departure->socket_id);
    if (state) state->inserted_bytes = LINE_BYTES;
    count_outcome(CARRIER_INJECTED);
    return SK_PASS;
  }
  stream->over = 1;
  count_outcome(CARRIER_FAILED);
  return inserted == LINE_SPOILT ? SK_DROP : SK_PASS;
}

static __always_inline bool may_stay(struct tcp_sock *tcp) {
  if (!keeps_sockets) return false;
  return BPF_CORE_READ((struct sock *)tcp, sk_socket, file, f_flags) & O_NONBLOCK;
}

SEC("sk_msg")
int carrier_header(struct sk_msg_md *message) {
  struct bpf_sock *sk = message->sk;
  if (!sk) return SK_PASS;
  struct http_stream *stream = bpf_sk_storage_get(&http_streams, sk, NULL, 0);
  struct tcp_sock *tcp = tcp_of(sk);
  if (!stream || !tcp || stream->over) return SK_PASS;
  __u32 position = BPF_CORE_READ(tcp, write_seq);
  __s32 passed = position - stream->next;
  if (passed < 0) return SK_PASS; /* more of a body */
  if (passed > 0 || !may_stay(tcp)) stream->over = 1;
  if (passed > 0) return SK_PASS;
  /* Kernel TLS would encrypt what is put in here. */
  if (BPF_CORE_READ((struct inet_connection_sock *)tcp, icsk_ulp_ops)) {
    stream->over = 1;
    return SK_PASS;
  }
  read_plain_head(message, &stream->head);
  if (!follow_request(stream, message->size, position)) return SK_PASS;
  struct departure *departure = departure_at(tcp, position);
  if (!departure) return SK_PASS;
  if (stream->head.has_context) {
    count_outcome(CARRIER_OWN_HEADER);
    return SK_PASS;
  }
  /* All of it goes in at once where nothing waits: what a send returns stays right. */
  if (BPF_CORE_READ(tcp, snd_una) != position) {
    count_outcome(CARRIER_BUSY);
    return SK_PASS;
  }
  return insert_header(message, stream, departure);
}
