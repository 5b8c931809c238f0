/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Carries trace contexts to other hosts in a TCP option. Loaded only where the user asked for it.
 *
 * A trace must be known before a call leaves, so here it begins: when a request's head is read
 * (sys_exit), it gets the trace its traceparent, its option or its local sender names, or else a new
 * one, and whoever read it works for that trace. When a call is about to be sent (sys_enter), it gets
 * an id in the trace that its sender works for; user space is told, and sock_ops writes it into the
 * header of the segment that begins with the request's first byte. No byte of any stream changes
 * (http_carrier.bpf.c, which can be asked for as well or instead, puts a header into requests). */
#include "bpf/events/syscall_kind.h"
#include "bpf/events/tcp_option.h"
#include "bpf/events/trace_ids.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/request_head.h"
#include "bpf/lib/sock_ops.h"
#include "bpf/lib/socket.h"
#include "bpf/lib/trace_context.h"
#include "bpf/maps/carrier.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u8 syscall_kinds[SYSCALL_TABLE_SIZE];

static __always_inline void map_address(__u8 *out, __u16 family, const __u8 *address) {
  if (family == AF_INET6) {
    __builtin_memcpy(out, address, 16);
    return;
  }
  out[10] = out[11] = 0xff;
  __builtin_memcpy(out + 12, address, 4);
}

static __always_inline bool is_loopback(const __u8 *address) {
  const __u64 *half = (const __u64 *)address;
  if (half[0]) return false;
  if (address[8] == 0 && address[9] == 0 && address[10] == 0xff && address[11] == 0xff)
    return address[12] == 127;
  return half[1] == bpf_cpu_to_be64(1);
}

/* `out` is zeroed and 8-byte aligned. */
static __always_inline void fill_place(struct request_place *out,
                                       const struct socket_endpoints *ends, __u32 position) {
  bool is_client = ends->role == SOCKET_ROLE_CLIENT;
  map_address(is_client ? out->client : out->server, ends->family, ends->local_address);
  map_address(is_client ? out->server : out->client, ends->family, ends->remote_address);
  out->client_port = is_client ? ends->local_port : ends->remote_port;
  out->server_port = is_client ? ends->remote_port : ends->local_port;
  if (is_loopback(out->client) || is_loopback(out->server)) out->net_ns = ends->net_ns;
  out->position = position;
}

static __always_inline void read_ends(struct sock *sk, struct socket_endpoints *out, __u8 role) {
  __builtin_memset(out, 0, sizeof(*out));
  out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
  out->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  read_inet_endpoints(sk, out);
  out->role = role;
}

/* False: the ring was full, so user space does not know of these ids. */
static __always_inline bool tell(const struct trace_ids *ids, const struct socket_endpoints *ends,
                                 __u32 position) {
  struct trace_ids_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return false;
  }
  struct task_struct *task = bpf_get_current_task_btf();
  event->header.time_ns = bpf_ktime_get_ns();
  event->header.pid = task->tgid; /* sock_ops may not ask for them in another way, at least in 6.1 */
  event->header.tid = task->pid;
  event->header.type = EVENT_TRACE_IDS;
  __builtin_memset(event->header.pad, 0, sizeof(event->header.pad));
  event->endpoints = *ends;
  event->position = position;
  event->kind = ids->kind;
  event->sampled = ids->sampled;
  event->pad[0] = event->pad[1] = 0;
  __builtin_memcpy(event->trace_id, ids->trace_id, 16);
  __builtin_memcpy(event->span_id, ids->span_id, 8);
  bpf_ringbuf_submit(event, wake_flags());
  return true;
}

static __always_inline void make_id(__u8 *out, int words) {
  for (int i = 0; i < words; i++) {
    __u32 word = bpf_get_prandom_u32();
    if (i == 0) word |= 1; /* never all zero */
    __builtin_memcpy(out + 4 * i, &word, 4);
  }
}

/* trace::Sampler::keep(); has_parent: the flag of a parent is in `sampled`. */
static __always_inline __u8 keeps(const struct traced_process *process, const __u8 *trace_id,
                                  bool has_parent, __u8 sampled) {
  if (process->parent_based && has_parent) return sampled;
  if (process->keep_all) return 1;
  __u64 low;
  __builtin_memcpy(&low, trace_id + 8, 8);
  return bpf_be64_to_cpu(low) < process->keep_below;
}

/* ---- a request is read ---- */

static __always_inline __u64 first_buffer(struct pt_regs *regs, __u8 kind) {
  void *at = (void *)SYSCALL_ARG2(regs);
  struct iovec piece = {};
  if (kind == SYSCALL_RECVMSG || kind == SYSCALL_SENDMSG) {
    struct user_msghdr message;
    if (bpf_probe_read_user(&message, sizeof(message), at)) return 0;
    at = message.msg_iov;
  } else if (kind != SYSCALL_READV && kind != SYSCALL_WRITEV) {
    return (__u64)at;
  }
  if (bpf_probe_read_user(&piece, sizeof(piece), at)) return 0;
  return (__u64)piece.iov_base;
}

/* The trace of the request whose head this is; ids.kind is TRACE_IDS_BEGUN where it is a new one.
 * False: not known. */
static __always_inline bool trace_of_request(const struct traced_process *process,
                                             struct reading *reading, __u32 length) {
  struct trace_ids *ids = &reading->ids;
  struct head_scan scan = {.bytes = reading->bytes, .length = length};
  bpf_loop(HEAD_BYTES, scan_head, &scan, 0);
  if (!scan.found.bytes || scan.found.headers > 1) return false;
  __u32 next = scan.found.bytes & (HEAD_BYTES - 1);
  if (next < length && begins_with_method(reading->bytes + next)) return false; /* pipelined */
  ids->kind = TRACE_IDS_ARRIVED;
  if (scan.found.headers) {
    if (!read_traceparent(reading->bytes + (scan.found.value & (HEAD_BYTES - 1)), ids->trace_id,
                          &ids->sampled))
      return false;
    ids->sampled = keeps(process, ids->trace_id, true, ids->sampled);
    return true;
  }
  struct arriving_context *arriving = bpf_map_lookup_elem(&arrivals, &reading->place);
  if (arriving) {
    if (!arriving->known) return false;
    __builtin_memcpy(ids->trace_id, arriving->trace_id, 16);
    ids->sampled = keeps(process, ids->trace_id, true, arriving->sampled);
    return true;
  }
  /* Its sender is on this host, and began it where that was not seen. */
  reading->place.position = 0;
  if (bpf_map_lookup_elem(&clients_here, &reading->place)) return false;
  ids->kind = TRACE_IDS_BEGUN;
  make_id(ids->trace_id, 4);
  ids->sampled = keeps(process, ids->trace_id, false, 0);
  return true;
}

static __always_inline int serve(__u64 socket_id, const struct trace_ids *ids, bool known) {
  __u64 task = current_task();
  struct worker_key key = task ? task_key(task) : thread_key();
  struct trace_context fresh = {.socket = socket_id, .known = known, .sampled = ids->sampled};
  __builtin_memcpy(fresh.trace_id, ids->trace_id, 16);
  if (!task) fresh.turn = take_turn(bpf_get_current_task_btf(), 0) + TURN_INPUT; /* this receive */
  struct trace_context *before = bpf_map_lookup_elem(&trace_contexts, &key);
  if (task && before && before->socket && before->socket != socket_id && !before->answered)
    fresh.shared = 1;
  if (before && before->shared) fresh.shared = 1;
  bpf_map_update_elem(&trace_contexts, &key, &fresh, BPF_ANY);
  bpf_map_update_elem(&serving, &socket_id, &key, BPF_ANY);
  bpf_map_delete_elem(&program_traces, &key.pid); /* it is a server */
  return 0;
}

/* Bytes that begin no request: more of one, unless the last one was answered already. */
static __always_inline int doubt(__u64 socket_id) {
  struct worker_key *key = bpf_map_lookup_elem(&serving, &socket_id);
  if (!key) return 0;
  struct worker_key worker = *key;
  struct trace_context *context = bpf_map_lookup_elem(&trace_contexts, &worker);
  if (context && context->socket == socket_id && context->answered) context->known = 0;
  return 0;
}

static __always_inline int keep_first_byte(__u64 socket_id, char byte, __u32 position) {
  struct first_byte first = {.position = position, .byte = byte};
  bpf_map_update_elem(&first_bytes, &socket_id, &first, BPF_ANY);
  return 0;
}

/* The bytes read, behind a first byte that was read before them; returns how many, 0: none. */
static __always_inline __u32 read_head(__u64 socket_id, struct reading *head, __u64 buffer,
                                       __u32 length, __u32 begin) {
  __u32 wanted = length < HEAD_BYTES - 1 ? length : HEAD_BYTES - 1;
  __builtin_memset(head->bytes, 0, 16); /* what begins_with_method looks at */
  __u32 before = 0;
  struct first_byte *first = bpf_map_lookup_elem(&first_bytes, &socket_id);
  if (first && first->position == begin) {
    head->bytes[0] = first->byte;
    before = 1;
  }
  asm volatile("" : "+r"(wanted)); /* or older verifiers lose its bound */
  wanted &= HEAD_BYTES - 1;
  if (bpf_probe_read_user(head->bytes + before, wanted, (void *)buffer)) return 0;
  return before + wanted;
}

__noinline int request_read(__u64 socket_id, struct socket_state *state, __u64 buffer, __u32 length) {
  if (!state) return 0;
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct traced_process *process = bpf_map_lookup_elem(&traced_processes, &pid);
  if (!process) return 0;
  struct reading *reading = bpf_task_storage_get(&readings, bpf_get_current_task_btf(), NULL,
                                                 BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!reading) return 0;
  struct sock *sk = (struct sock *)state->sock;
  __u32 begin = tcp_receive_position(sk, state->receive_position + length) - length;
  __u32 have = read_head(socket_id, reading, buffer, length, begin);
  if (length == 1 && have == 1) return keep_first_byte(socket_id, reading->bytes[0], begin + 1);
  if (!have || !begins_with_method(reading->bytes)) return doubt(socket_id);
  if (have > length) begin -= 1;

  read_ends(sk, &reading->ends, SOCKET_ROLE_SERVER);
  __builtin_memset(&reading->place, 0, sizeof(reading->place));
  fill_place(&reading->place, &reading->ends, begin);
  __builtin_memset(&reading->ids, 0, sizeof(reading->ids));
  bool known = trace_of_request(process, reading, have);
  if (known && reading->ids.kind == TRACE_IDS_BEGUN)
    known = tell(&reading->ids, &reading->ends, begin);
  return serve(socket_id, &reading->ids, known);
}

static __always_inline bool is_server(const struct socket_state *state) {
  return state->role == SOCKET_ROLE_SERVER ||
         (!state->role && inet_role((struct sock *)state->sock) == SOCKET_ROLE_SERVER);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(carrier_sys_exit, struct pt_regs *regs, long result) {
  __u64 number = SYSCALL_NUMBER(regs);
  if (number >= SYSCALL_TABLE_SIZE || result <= 0) return 0;
  __u8 kind = syscall_kinds[number];
  if (kind < SYSCALL_READ || kind > SYSCALL_RECVMSG) return 0;
  if (!is_followed(bpf_get_current_pid_tgid() >> 32)) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  __u32 flags = kind == SYSCALL_RECVFROM  ? SYSCALL_ARG4(regs)
                : kind == SYSCALL_RECVMSG ? SYSCALL_ARG3(regs)
                                          : 0;
  if (TASK_IS_COMPAT(task) || flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE | MSG_TRUNC)) return 0;
  struct socket_ref ref;
  if (!find_socket(task, SYSCALL_ARG1(regs), &ref) || !ref.state->is_tcp || !is_server(ref.state))
    return 0;
  return request_read(ref.id, ref.state, first_buffer(regs, kind), result);
}

/* ---- a call is sent ---- */

/* The trace that the sender works for. */
static __always_inline bool trace_of_call(__u64 socket_id, struct trace_ids *ids) {
  struct trace_context context = {.nobody = 1};
  struct trace_context *found = bpf_map_lookup_elem(&claimed_contexts, &socket_id);
  if (found) {
    context = *found;
    bpf_map_delete_elem(&claimed_contexts, &socket_id);
  } else if ((found = context_of(current_task()))) {
    context = *found;
  }
  if (!context.nobody) {
    __builtin_memcpy(ids->trace_id, context.trace_id, 16);
    ids->sampled = context.sampled;
    return context.known && !context.shared;
  }
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct program_trace *program = bpf_map_lookup_elem(&program_traces, &pid);
  if (!program) return false;
  __builtin_memcpy(ids->trace_id, program->trace_id, 16);
  ids->sampled = program->sampled;
  return true;
}

/* An answer begins: the thread that gives it is free for others. */
static __always_inline int answer(__u64 socket_id) {
  struct worker_key *key = bpf_map_lookup_elem(&serving, &socket_id);
  if (!key) return 0;
  struct worker_key worker = *key;
  struct trace_context *context = bpf_map_lookup_elem(&trace_contexts, &worker);
  if (!context || context->socket != socket_id) return 0;
  context->answered = 1;
  if (worker.thread) bpf_map_delete_elem(&trace_contexts, &worker);
  return 0;
}

/* Every request is remembered for its receiver on this host, if there is one. */
static __always_inline void note_departure(const struct trace_ids *ids, bool known,
                                           struct request_place *place) {
  struct arriving_context departing = {.known = known, .sampled = ids->sampled};
  __builtin_memcpy(departing.trace_id, ids->trace_id, 16);
  bpf_map_update_elem(&arrivals, place, &departing, BPF_ANY);
}

__noinline int request_sent(__u64 socket_id, struct socket_state *state, __u64 buffer) {
  if (!state) return 0;
  struct sock *sk = (struct sock *)state->sock;
  struct socket_endpoints ends;
  read_ends(sk, &ends, SOCKET_ROLE_CLIENT);
  struct request_place place = {};
  fill_place(&place, &ends, 0);
  const __u8 one = 1;
  if (!bpf_map_lookup_elem(&clients_here, &place))
    bpf_map_update_elem(&clients_here, &place, &one, BPF_ANY);

  char begin[8] = {};
  if (bpf_probe_read_user(begin, sizeof(begin), (void *)buffer) || !begins_with_method(begin)) return 0;
  place.position = tcp_send_position(sk);
  struct trace_ids ids = {.kind = TRACE_IDS_CALL};
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct traced_process *process = bpf_map_lookup_elem(&traced_processes, &pid);
  bool known = process && trace_of_call(socket_id, &ids);
  if (known) {
    make_id(ids.span_id, 2);
    ids.sampled = keeps(process, ids.trace_id, true, ids.sampled);
    known = tell(&ids, &ends, place.position);
  }
  note_departure(&ids, known, &place);
  if (!process || !process->carries) return 0;
  __u64 key = (__u64)sk;
  if (!known) {
    count_outcome(CARRIER_NO_CONTEXT);
    bpf_map_delete_elem(&departures, &key);
    return 0;
  }
  struct departure departure = {.position = place.position, .sampled = ids.sampled,
                                .tid = (__u32)bpf_get_current_pid_tgid(),
                                .carries = process->carries, .socket_id = socket_id};
  __builtin_memcpy(departure.trace_id, ids.trace_id, 16);
  __builtin_memcpy(departure.span_id, ids.span_id, 8);
  bpf_map_update_elem(&departures, &key, &departure, BPF_ANY);
  return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(carrier_sys_enter, struct pt_regs *regs, long number) {
  if ((__u64)number >= SYSCALL_TABLE_SIZE) return 0;
  __u8 kind = syscall_kinds[number & (SYSCALL_TABLE_SIZE - 1)];
  if (kind < SYSCALL_WRITE || kind > SYSCALL_SENDFILE || kind == SYSCALL_SENDMMSG) return 0;
  if (!is_followed(bpf_get_current_pid_tgid() >> 32)) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct socket_ref ref;
  if (TASK_IS_COMPAT(task) || !find_socket(task, SYSCALL_ARG1(regs), &ref) || !ref.state->is_tcp)
    return 0;
  if (is_server(ref.state)) return answer(ref.id);
  if (ref.state->role != SOCKET_ROLE_CLIENT || kind == SYSCALL_SENDFILE) return 0;
  ref.state->inserted_bytes = 0; /* of a send that failed */
  return request_sent(ref.id, ref.state, first_buffer(regs, kind));
}

/* ---- the option ---- */

static __always_inline struct tcp_sock *tcp_of(struct bpf_sock_ops *ops) {
  struct bpf_sock *sk = ops->sk;
  return sk ? bpf_skc_to_tcp_sock(sk) : NULL;
}

/* Only sockets that selected processes make write options. */
static __always_inline void connecting(struct bpf_sock_ops *ops) {
  __u32 pid = bpf_get_current_task_btf()->tgid;
  struct tcp_sock *tcp = tcp_of(ops);
  if (!tcp) return;
  __u64 key = (__u64)tcp;
  bpf_map_delete_elem(&departures, &key); /* of another socket that was at this address */
  struct traced_process *process = bpf_map_lookup_elem(&traced_processes, &pid);
  if (process && process->carries & CARRIES_OPTION)
    bpf_sock_ops_cb_flags_set(ops,
                              ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
}

/* The option has its place in a segment only if the segment size was made smaller for it before: a
 * full segment must not become longer than the path takes. */
static __always_inline void leave_room(struct bpf_sock_ops *ops, struct departure *departure) {
  bool is_sender = (__u32)bpf_get_current_task_btf()->pid == departure->tid;
  if (departure->state == DEPARTURE_UNDER_WAY &&
      (__s32)(ops->snd_una - departure->position) > 0) {
    departure->state = DEPARTURE_OVER; /* it arrived */
    return;
  }
  if (ops->args[0] == BPF_WRITE_HDR_TCP_CURRENT_MSS) {
    if (departure->state == DEPARTURE_NEW && !is_sender) return;
    if (!bpf_reserve_hdr_opt(ops, CONTEXT_OPTION_BYTES, 0)) {
      departure->has_room = 1;
    } else if (departure->state == DEPARTURE_NEW) {
      departure->state = DEPARTURE_OVER;
      count_outcome(CARRIER_NO_ROOM);
    }
    return;
  }
  if (!departure->has_room || !ops->skb_len) return;
  if (departure->state == DEPARTURE_NEW) {
    __s32 ahead = ops->snd_nxt - departure->position;
    if (ahead < 0) return; /* what was sent before it */
    if (ahead > 0 || !is_sender) {
      departure->state = DEPARTURE_OVER;
      count_outcome(CARRIER_NOT_AT_START);
      return;
    }
    departure->state = DEPARTURE_UNDER_WAY;
    count_outcome(CARRIER_WRITTEN);
  }
  bpf_reserve_hdr_opt(ops, CONTEXT_OPTION_BYTES, 0); /* also for what is sent again */
}

/* The segment's sequence number, from its header. */
static __always_inline bool sequence_of(struct bpf_sock_ops *ops, __u32 *sequence) {
  const __u8 *header = ops->skb_data;
  if ((void *)header + 20 > ops->skb_data_end) return false;
  *sequence = bpf_ntohl(*(const __be32 *)(header + 4));
  return true;
}

static __always_inline void write_option(struct bpf_sock_ops *ops,
                                         const struct departure *departure) {
  __u32 sequence;
  if (departure->state != DEPARTURE_UNDER_WAY || !sequence_of(ops, &sequence) ||
      sequence != departure->position)
    return; /* the room stays filled with NOPs */
  __u16 experiment =
      departure->sampled ? CONTEXT_OPTION_SAMPLED : CONTEXT_OPTION_NOT_SAMPLED;
  struct context_option option = {.kind = CONTEXT_OPTION_KIND,
                                  .bytes = CONTEXT_OPTION_BYTES,
                                  .experiment = {experiment >> 8, experiment & 0xff}};
  __builtin_memcpy(option.trace_id, departure->trace_id, 16);
  __builtin_memcpy(option.span_id, departure->span_id, 8);
  bpf_store_hdr_opt(ops, &option, sizeof(option), 0);
}

static __always_inline bool load_option(struct bpf_sock_ops *ops, struct context_option *out,
                                        __u16 experiment) {
  __builtin_memset(out, 0, sizeof(*out));
  out->kind = CONTEXT_OPTION_KIND;
  out->bytes = 4; /* what is looked for: kind, length, experiment */
  out->experiment[0] = experiment >> 8;
  out->experiment[1] = experiment & 0xff;
  return bpf_load_hdr_opt(ops, out, sizeof(*out), 0) == CONTEXT_OPTION_BYTES;
}

static __always_inline bool is_zero(const __u8 *bytes, int count) {
  __u8 any = 0;
  for (int i = 0; i < count; i++) any |= bytes[i];
  return !any;
}

/* The position decides later which request it is for; most segments name none. */
static __always_inline void read_option(struct bpf_sock_ops *ops) {
  struct context_option option;
  struct trace_ids ids = {.kind = TRACE_IDS_ARRIVED};
  __u32 sequence;
  if (load_option(ops, &option, CONTEXT_OPTION_SAMPLED))
    ids.sampled = 1;
  else if (!load_option(ops, &option, CONTEXT_OPTION_NOT_SAMPLED))
    return;
  struct tcp_sock *tcp = tcp_of(ops);
  if (!tcp || !sequence_of(ops, &sequence) || is_zero(option.trace_id, 16) ||
      is_zero(option.span_id, 8))
    return;
  __builtin_memcpy(ids.trace_id, option.trace_id, 16);
  __builtin_memcpy(ids.span_id, option.span_id, 8);
  struct socket_endpoints ends;
  read_ends((struct sock *)tcp, &ends, SOCKET_ROLE_SERVER);
  struct request_place place = {};
  fill_place(&place, &ends, sequence);
  if (bpf_map_lookup_elem(&arrivals, &place)) return; /* sent here, or sent again */
  if (!tell(&ids, &ends, sequence)) return;
  note_departure(&ids, true, &place);
  count_outcome(CARRIER_ARRIVED);
}

static __always_inline struct departure *departure_of(struct bpf_sock_ops *ops) {
  struct tcp_sock *tcp = tcp_of(ops);
  __u64 key = (__u64)tcp;
  struct departure *departure = tcp ? bpf_map_lookup_elem(&departures, &key) : NULL;
  return departure && departure->carries & CARRIES_OPTION ? departure : NULL;
}

SEC("sockops")
int carrier_option(struct bpf_sock_ops *ops) {
  struct departure *departure;
  switch (ops->op) {
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
      connecting(ops);
      break;
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
      bpf_sock_ops_cb_flags_set(
          ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG);
      read_option(ops);
      break;
    case BPF_SOCK_OPS_PARSE_HDR_OPT_CB:
      read_option(ops);
      break;
    case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
      departure = departure_of(ops);
      if (departure && departure->state != DEPARTURE_OVER) leave_room(ops, departure);
      break;
    case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
      departure = departure_of(ops);
      if (departure) write_option(ops, departure);
      break;
  }
  return 1;
}
