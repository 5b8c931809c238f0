/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The value at the place that a uprobe's cookie names (events/value_place.h). */
#pragma once
#include "bpf/events/value_place.h"
#include "bpf/lib/bpf.h"

#if defined(__TARGET_ARCH_x86)
/* Each load stands by itself: merged into one at a computed offset the verifier refuses it. */
#define LOAD_REGISTER(number, field)                \
  case number:                                      \
    value = regs->field;                            \
    asm volatile("/* " #field " */" : "+r"(value)); \
    break

static __always_inline __u64 place_register(struct pt_regs *regs, __u64 cookie) {
  __u64 value = 0;
  switch (cookie & PLACE_REGISTER_MASK) {
    LOAD_REGISTER(0, ax);
    LOAD_REGISTER(1, cx);
    LOAD_REGISTER(2, dx);
    LOAD_REGISTER(3, bx);
    LOAD_REGISTER(4, sp);
    LOAD_REGISTER(5, bp);
    LOAD_REGISTER(6, si);
    LOAD_REGISTER(7, di);
    LOAD_REGISTER(8, r8);
    LOAD_REGISTER(9, r9);
    LOAD_REGISTER(10, r10);
    LOAD_REGISTER(11, r11);
    LOAD_REGISTER(12, r12);
    LOAD_REGISTER(13, r13);
    LOAD_REGISTER(14, r14);
    LOAD_REGISTER(15, r15);
  }
  return value;
}
#else
/* No sites are found on other processors yet, so nothing is ever attached there. */
static __always_inline __u64 place_register(struct pt_regs *regs, __u64 cookie) { return 0; }
#endif

static __always_inline __u64 value_at_place(struct pt_regs *regs, __u64 cookie) {
  __u64 value = place_register(regs, cookie);
  if (!(cookie & PLACE_IN_MEMORY)) return value;
  __u64 address = value + (__u64)(__s64)(__s32)(cookie >> PLACE_OFFSET_SHIFT);
  value = 0;
  bpf_probe_read_user(&value, sizeof(value), (void *)address);
  return value;
}
