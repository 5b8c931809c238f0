/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fixed-width kernel type names for the event contract, which compiles as BPF C and as C++. */
#pragma once
#ifdef __bpf__
#include "bpf/lib/kernel.h"
#define TACIT_STATIC_ASSERT _Static_assert
#else
#include <linux/types.h>
#ifdef __cplusplus
#define TACIT_STATIC_ASSERT static_assert
#else
#define TACIT_STATIC_ASSERT _Static_assert
#endif
#endif
