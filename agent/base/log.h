// SPDX-License-Identifier: Apache-2.0
// The agent's own log: one line on standard error per thing a user should know.
// Thread safe (spdlog underneath). Text that came from outside must go through escape().
#pragma once
#include <string>
#include <string_view>

namespace tacit::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

void set_level(Level level);
void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

// Control characters and bytes that are no valid ASCII become \xNN, so that a hostile name
// cannot steer a terminal or forge a line. At most `limit` bytes of input are kept.
std::string escape(std::string_view text, size_t limit = 256);

}  // namespace tacit::log
