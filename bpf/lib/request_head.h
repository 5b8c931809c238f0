/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The little of HTTP/1 that has to be known in the kernel, because a trace must be known before a
 * call leaves: does a request begin here, and which traceparent does it bring. Whatever is not plain
 * is "not known". */
#pragma once
#include "bpf/lib/bpf.h"

#define HEAD_BYTES 4096 /* heads that are longer are not known */
#define HEAD_MARGIN 128 /* what is looked at behind any byte of the head */

struct request_head {
  __u32 bytes;   /* up to and with the empty line; 0: it is not all there */
  __u32 headers; /* how many traceparent headers it has */
  __u32 value;   /* where the last one's value begins */
};

static __always_inline bool begins_with_method(const char *p) {
  switch (p[0]) {
    case 'G': return p[1] == 'E' && p[2] == 'T' && p[3] == ' ';
    case 'P':
      return (p[1] == 'O' && p[2] == 'S' && p[3] == 'T' && p[4] == ' ') ||
             (p[1] == 'U' && p[2] == 'T' && p[3] == ' ') ||
             (p[1] == 'A' && p[2] == 'T' && p[3] == 'C' && p[4] == 'H' && p[5] == ' ');
    case 'H': return p[1] == 'E' && p[2] == 'A' && p[3] == 'D' && p[4] == ' ';
    case 'D':
      return p[1] == 'E' && p[2] == 'L' && p[3] == 'E' && p[4] == 'T' && p[5] == 'E' && p[6] == ' ';
    case 'O':
      return p[1] == 'P' && p[2] == 'T' && p[3] == 'I' && p[4] == 'O' && p[5] == 'N' &&
             p[6] == 'S' && p[7] == ' ';
  }
  return false;
}

static __always_inline bool is_traceparent(const char *p) {
  const char name[] = "traceparent:";
#pragma unroll
  for (int i = 0; i < 11; i++)
    if ((p[i] | 0x20) != name[i]) return false;
  return p[11] == ':';
}

struct head_scan {
  const char *bytes;
  __u32 length;
  struct request_head found;
};

static __attribute__((unused)) long scan_head(__u64 index, struct head_scan *scan) {
  __u32 i = index & (HEAD_BYTES - 1);
  if (i + 2 >= scan->length) return 1;
  const char *p = scan->bytes + i;
  if (p[0] != '\n') return 0;
  if (p[1] == '\r' && p[2] == '\n') {
    scan->found.bytes = i + 3;
    return 1;
  }
  if ((p[1] | 0x20) == 't' && is_traceparent(p + 1)) {
    scan->found.headers++;
    scan->found.value = i + 13;
  }
  return 0;
}

static __always_inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Version 00 alone. `p` has HEAD_MARGIN bytes. False: not understood. */
static __always_inline bool read_traceparent(const char *p, __u8 *trace_id, __u8 *sampled) {
  if (p[0] == ' ') p++;
  if (p[0] != '0' || p[1] != '0' || p[2] != '-' || p[35] != '-' || p[52] != '-' || p[55] != '\r')
    return false;
  __u8 any = 0;
#pragma unroll
  for (int i = 0; i < 16; i++) {
    int high = hex_digit(p[3 + 2 * i]), low = hex_digit(p[4 + 2 * i]);
    if (high < 0 || low < 0) return false;
    trace_id[i] = high << 4 | low;
    any |= trace_id[i];
  }
  int flags = hex_digit(p[54]);
  if (flags < 0 || hex_digit(p[53]) < 0) return false;
  *sampled = flags & 1;
  return any != 0;
}
