// SPDX-License-Identifier: Apache-2.0
// Links that take the kernel many seconds to close, at the end of an agent that nobody shall wait for.
#pragma once
#include "agent/probe/uprobe_attacher.h"

namespace tacit::probe {

// Leaves them to a child process, which has nothing else open and ends once they are closed: its end is
// waited for by nobody. Where no child can be made they are closed here, one after the other.
void leave_to_heir(UprobeLink links);

}  // namespace tacit::probe
