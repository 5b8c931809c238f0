// SPDX-License-Identifier: Apache-2.0
// The command line: which command, its configuration (flags over everything else), and the help
// texts. Called once, at start; knows no other room than config.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config.h"

namespace tacit::command {

struct Invocation {
  enum class Command {
    kExec,     // run `command` and observe it and its descendants
    kRun,      // observe what config.selectors match; none: say so and stop
    kDoctor,   // say what this host allows
    kVersion,
    kHelp,     // print `help` to standard output and exit with 0
  };
  Command what = Command::kHelp;
  config::Config config;              // kExec, kRun, kDoctor
  std::vector<std::string> command;   // kExec: program and arguments, never empty
  std::vector<std::string> warnings;  // for the log, level warn
  std::vector<std::string> notes;     // for the log, level debug
  std::string help;                   // kHelp
};

// `terminal`: standard error is one, which decides the console's form where none is given.
// Errors are one sentence for standard error; exit status 2 is customary.
Result<Invocation> parse_invocation(int argc, const char* const* argv, const char* const* environ,
                                    bool terminal);

// What `tacit COMMAND --help` prints; empty name: `tacit --help`.
std::string_view help_text(std::string_view command);

// Every flag that `command` ("exec", "run", "doctor") accepts, --help left out. For tests: the help
// texts name exactly these.
std::vector<std::string> known_flags(std::string_view command);

}  // namespace tacit::command
