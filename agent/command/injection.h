// SPDX-License-Identifier: Apache-2.0
// What `tacit exec` adds to its command's environment, so that CUDA loads our library (cupti/) into
// the command and all it starts. A program without CUDA never looks at it.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/config.h"

namespace tacit::command {

using Variables = std::vector<std::pair<std::string, std::string>>;

// `executable` is this program's own path; `already_named` what CUDA_INJECTION64_PATH says now, or
// empty: that library is loaded by ours. Empty where kernels are not to be traced or the library is
// not there, which the log tells.
Variables injection_variables(const config::Config& config,
                              const std::filesystem::path& executable,
                              const std::string& already_named);

// For the running program and its environment.
Variables injection_variables(const config::Config& config);

}  // namespace tacit::command
