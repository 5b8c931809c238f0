/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this the head of a plain HTTP/1.1 request, where may a header be put, and where does the request
 * end? Byte by byte and stricter than RFC 9112: what is not certain is HEAD_STRANGE. */
#pragma once
#include "bpf/lib/bpf.h"
#include "bpf/lib/request_head.h"
#include "bpf/lib/sk_msg.h"

enum head_state {
  HEAD_METHOD = 0,
  HEAD_TARGET,
  HEAD_VERSION,
  HEAD_LINE_END,   /* behind a line's CR */
  HEAD_LINE_START,
  HEAD_NAME,
  HEAD_VALUE,
  HEAD_LENGTH,     /* the value of Content-Length */
  HEAD_LAST,       /* behind the empty line's CR */
  HEAD_WHOLE,
  HEAD_STRANGE,
};

/* Lies in a map: verifiers before 6.7 take what a bpf_loop's function finds on the stack for what it
 * was before the first round. */
struct plain_head {
  __u64 word;           /* method and version: their last 8 bytes; name: its hash */
  __u32 state;          /* enum head_state */
  __u32 count;          /* bytes of the part it is in */
  __u32 line_end;       /* behind the request line */
  __u32 bytes;          /* of the whole head */
  __u32 content_length;
  __u8 has_length;
  __u8 has_context;     /* a traceparent of its own */
  __u8 leaves_http;     /* CONNECT, Upgrade */
  __u8 has_coding;      /* Transfer-Encoding: where its body ends is not known */
  __u8 may_be_refused;  /* Expect: there may be no body */
};

struct head_reader {
  struct sk_msg_md *message;
  struct plain_head *head;
};

/* FNV-1a, of a name in lower case: two names of the same hash would at worst keep a header out. */
#define HASH_START 0xcbf29ce484222325ULL
#define HASH_STEP(hash, c) (((hash) ^ (__u8)(c)) * 0x100000001b3ULL)

static __always_inline __u64 hash_of(const char *name, int bytes) {
  __u64 hash = HASH_START;
#pragma unroll
  for (int i = 0; i < bytes; i++) hash = HASH_STEP(hash, name[i]);
  return hash;
}
#define NAME_HASH(name) hash_of(name, sizeof(name) - 1)

static __always_inline __u32 end_name(struct plain_head *head) {
  head->count = 0;
  if (head->word == NAME_HASH("content-length")) {
    if (head->has_length) return HEAD_STRANGE;
    head->has_length = 1;
    return HEAD_LENGTH;
  }
  if (head->word == NAME_HASH("traceparent")) head->has_context = 1;
  if (head->word == NAME_HASH("upgrade") || head->word == NAME_HASH("http2-settings"))
    head->leaves_http = 1;
  if (head->word == NAME_HASH("transfer-encoding")) head->has_coding = 1;
  if (head->word == NAME_HASH("expect")) head->may_be_refused = 1;
  return HEAD_VALUE;
}

static __always_inline __u32 read_request_line(struct plain_head *head, char c) {
  if (head->state == HEAD_METHOD) {
    if (c == ' ' && head->count) {
      if (head->word == 0x434f4e4e454354ULL /* CONNECT */) head->leaves_http = 1;
      head->count = 0;
      return HEAD_TARGET;
    }
    head->word = head->word << 8 | (__u8)c;
    return c >= 'A' && c <= 'Z' && ++head->count <= 7 ? HEAD_METHOD : HEAD_STRANGE;
  }
  if (head->state == HEAD_TARGET) {
    if (c == ' ' && head->count) {
      head->count = 0;
      head->word = 0;
      return HEAD_VERSION;
    }
    head->count++;
    return c > ' ' && c < 0x7f ? HEAD_TARGET : HEAD_STRANGE;
  }
  if (c == '\r' && head->count == 8 && head->word == 0x485454502f312e31ULL /* HTTP/1.1 */)
    return HEAD_LINE_END;
  head->word = head->word << 8 | (__u8)c;
  return ++head->count <= 8 ? HEAD_VERSION : HEAD_STRANGE;
}

static __always_inline __u32 read_name(struct plain_head *head, char c) {
  if (head->state == HEAD_LINE_START) {
    if (c == '\r') return HEAD_LAST;
    head->word = HASH_START;
    if (c == ':') return HEAD_STRANGE;
  } else if (c == ':') {
    return end_name(head);
  }
  if (c <= ' ' || c >= 0x7f) return HEAD_STRANGE; /* folded lines as well */
  if (c >= 'A' && c <= 'Z') c |= 0x20;
  head->word = HASH_STEP(head->word, c);
  return HEAD_NAME;
}

static __always_inline __u32 read_length(struct plain_head *head, char c) {
  if (c == ' ' && !head->count) return HEAD_LENGTH;
  if (c == '\r' && head->count) return HEAD_LINE_END;
  if (c < '0' || c > '9' || ++head->count > 9) return HEAD_STRANGE;
  head->content_length = head->content_length * 10 + (c - '0');
  return HEAD_LENGTH;
}

static long read_plain_byte(__u64 index, struct head_reader *reader) {
  struct sk_msg_md *message = reader->message;
  struct plain_head *head = reader->head;
  __u32 i = index & (HEAD_BYTES - 1);
  char *at = (char *)message->data + i;
  if (at + 1 > (char *)message->data_end) return 1;
  char c = *at;
  switch (head->state) {
    case HEAD_METHOD:
    case HEAD_TARGET:
    case HEAD_VERSION:
      head->state = read_request_line(head, c);
      break;
    case HEAD_LINE_END:
      head->state = c == '\n' ? HEAD_LINE_START : HEAD_STRANGE;
      if (!head->line_end) head->line_end = i + 1;
      break;
    case HEAD_LINE_START:
    case HEAD_NAME:
      head->state = read_name(head, c);
      break;
    case HEAD_VALUE:
      if (c == '\r') head->state = HEAD_LINE_END;
      if (c == '\n' || c == 0) head->state = HEAD_STRANGE;
      break;
    case HEAD_LENGTH:
      head->state = read_length(head, c);
      break;
    case HEAD_LAST:
      head->state = c == '\n' ? HEAD_WHOLE : HEAD_STRANGE;
      head->bytes = i + 1;
      break;
  }
  return head->state >= HEAD_WHOLE;
}

static __always_inline void read_plain_head(struct sk_msg_md *message, struct plain_head *head) {
  struct head_reader reader = {.message = message, .head = head};
  __builtin_memset(head, 0, sizeof(*head));
  make_readable(message, message->size < HEAD_BYTES ? message->size : HEAD_BYTES);
  bpf_loop(HEAD_BYTES, read_plain_byte, &reader, 0);
  if (head->has_length && head->has_coding) head->state = HEAD_STRANGE;
}
