/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a value lies at a probed instruction: the low 40 bits of a uprobe's cookie. */
#pragma once
#include "bpf/events/types.h"

#define PLACE_REGISTER_MASK 0xfULL /* number of the register as instructions encode it: 0 rax, 1 rcx,
                                    * 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8-15 r8-r15 */
#define PLACE_IN_MEMORY 0x10ULL    /* the value lies at register + offset */
#define PLACE_FLAGS 0xe0ULL        /* free for the program: PLACE_FLAG(n) */
#define PLACE_FLAG(n) (0x20ULL << (n)) /* n: 0 to 2 */
#define PLACE_OFFSET_SHIFT 32      /* signed 32 bits */
