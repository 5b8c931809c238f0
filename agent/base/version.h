// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tacit {

inline constexpr char kVersion[] = TACIT_VERSION;  // the CMake project's

}  // namespace tacit
