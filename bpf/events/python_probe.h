/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What python.bpf.c is told by a probe's cookie besides the place of the value. */
#pragma once
#include "bpf/events/value_place.h"

/* The new context is a copy of the one that runs; otherwise it comes from nothing known. */
#define PYTHON_PARENT_IS_CURRENT PLACE_FLAG(0)
