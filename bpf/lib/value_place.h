/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The value at the place that a uprobe's cookie names (events/value_place.h). */
#pragma once
#include "bpf/events/value_place.h"
#include "bpf/lib/bpf.h"

#if defined(__TARGET_ARCH_x86)
static __always_inline __u64 place_register(struct pt_regs *regs, __u64 cookie) {
  switch (cookie & PLACE_REGISTER_MASK) {
    case 0: return regs->ax;
    case 1: return regs->cx;
    case 2: return regs->dx;
    case 3: return regs->bx;
    case 4: return regs->sp;
    case 5: return regs->bp;
    case 6: return regs->si;
    case 7: return regs->di;
    case 8: return regs->r8;
    case 9: return regs->r9;
    case 10: return regs->r10;
    case 11: return regs->r11;
    case 12: return regs->r12;
    case 13: return regs->r13;
    case 14: return regs->r14;
  }
  return regs->r15;
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
