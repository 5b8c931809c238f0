/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Syscall number and arguments out of the user's registers. At a syscall's exit all but the first
 * argument are as the caller left them; the first is kept apart where the result overwrites it. */
#pragma once
#include "bpf/lib/kernel.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_NUMBER(regs) ((__u64)(regs)->orig_ax)
#define SYSCALL_ARG1(regs) ((regs)->di)
#define SYSCALL_ARG2(regs) ((regs)->si)
#define SYSCALL_ARG3(regs) ((regs)->dx)
#define SYSCALL_ARG4(regs) ((regs)->r10)
#define TASK_IS_COMPAT(task) ((task)->thread_info.status & 2) /* TS_COMPAT */
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_NUMBER(regs) ((__u64)(regs)->syscallno)
#define SYSCALL_ARG1(regs) ((regs)->orig_x0)
#define SYSCALL_ARG2(regs) ((regs)->regs[1])
#define SYSCALL_ARG3(regs) ((regs)->regs[2])
#define SYSCALL_ARG4(regs) ((regs)->regs[3])
#define TASK_IS_COMPAT(task) ((task)->thread_info.flags & (1UL << 22)) /* TIF_32BIT */
#else
#error "unsupported architecture"
#endif
