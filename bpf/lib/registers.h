/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Syscall number and arguments out of the user's registers, and the thread pointer. At a syscall's exit all but the first
 * argument are as the caller left them; the first is kept apart where the result overwrites it. */
#pragma once
#include "bpf/lib/kernel.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_NUMBER(regs) ((__u64)(regs)->orig_ax)
#define SYSCALL_ARG1(regs) ((regs)->di)
#define SYSCALL_ARG2(regs) ((regs)->si)
#define SYSCALL_ARG3(regs) ((regs)->dx)
#define SYSCALL_ARG4(regs) ((regs)->r10)
#define SYSCALL_ARG5(regs) ((regs)->r8)
#define TASK_IS_COMPAT(task) ((task)->thread_info.status & 2) /* TS_COMPAT */
#define THREAD_POINTER(task) ((task)->thread.fsbase)
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_NUMBER(regs) ((__u64)(regs)->syscallno)
#define SYSCALL_ARG1(regs) ((regs)->orig_x0)
#define SYSCALL_ARG2(regs) ((regs)->regs[1])
#define SYSCALL_ARG3(regs) ((regs)->regs[2])
#define SYSCALL_ARG4(regs) ((regs)->regs[3])
#define SYSCALL_ARG5(regs) ((regs)->regs[4])
#define TASK_IS_COMPAT(task) ((task)->thread_info.flags & (1UL << 22)) /* TIF_32BIT */
#define THREAD_POINTER(task) ((task)->thread.uw.tp_value)
#else
#error "unsupported architecture"
#endif
