// SPDX-License-Identifier: Apache-2.0
#include "agent/command/injection.h"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

#include "agent/base/log.h"

namespace tacit::command {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInjection = "CUDA_INJECTION64_PATH";
constexpr const char* kLibrary = "libtacit_cupti.so";

// As it is built, and as it is installed.
std::vector<fs::path> places(const config::Config& config, const fs::path& executable) {
  if (!config.gpu_library.empty()) return {config.gpu_library};
  const fs::path folder = executable.parent_path();
  return {folder / kLibrary, folder.parent_path() / "lib" / "tacit" / kLibrary};
}

}  // namespace

Variables injection_variables(const config::Config& config, const fs::path& executable,
                              const std::string& already_named) {
  if (!config.gpu_kernels) return {};
  for (const fs::path& place : places(config, executable)) {
    std::error_code error;
    if (!fs::is_regular_file(place, error)) continue;
    const std::string library = fs::absolute(place, error).lexically_normal();
    Variables variables{{kInjection, library},
                        {"TACIT_CUPTI_BUDGET", fmt::format("{:.6f}", config.gpu_kernel_budget)}};
    if (!already_named.empty() && already_named != library)
      variables.emplace_back("TACIT_CUPTI_NEXT", already_named);
    return variables;
  }
  if (config.gpu_library.empty())
    log::debug(fmt::format("kernels on GPUs are not traced: there is no {} beside this program",
                           kLibrary));
  else
    log::warn(fmt::format("kernels on GPUs are not traced: there is no {} (gpu.library)",
                          log::escape(config.gpu_library)));
  return {};
}

Variables injection_variables(const config::Config& config) {
  std::error_code error;
  const char* already_named = std::getenv(kInjection);
  return injection_variables(config, fs::read_symlink("/proc/self/exe", error),
                             already_named == nullptr ? "" : already_named);
}

}  // namespace tacit::command
