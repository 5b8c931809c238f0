// SPDX-License-Identifier: Apache-2.0
#include "agent/command/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tacit::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Command = Invocation::Command;

Result<Invocation> parse(std::vector<const char*> words, bool terminal = false) {
  words.insert(words.begin(), "tacit");
  const char* const environment[] = {nullptr};
  return parse_invocation(static_cast<int>(words.size()), words.data(), environment, terminal);
}

std::string error(std::vector<const char*> words) {
  auto out = parse(std::move(words));
  EXPECT_FALSE(out.has_value());
  return out ? "" : out.error().message;
}

Invocation good(std::vector<const char*> words, bool terminal = false) {
  auto out = parse(std::move(words), terminal);
  EXPECT_TRUE(out.has_value()) << out.error().message;
  return out ? *out : Invocation{};
}

TEST(Options, ExecTakesWhatFollowsTheDashes) {
  const auto out = good({"exec", "--console", "json", "--", "ls", "-l", "--", "--console", "text"});
  EXPECT_EQ(out.what, Command::kExec);
  EXPECT_EQ(out.config.console, config::ConsoleFormat::kJson);
  EXPECT_THAT(out.command, ElementsAre("ls", "-l", "--", "--console", "text"));
}

TEST(Options, ExecWithoutDashesEndsItsOptionsAtTheCommand) {
  const auto out = good({"exec", "--prometheus", "npm", "run", "--prometheus=:1", "-h", "--help"});
  EXPECT_EQ(out.what, Command::kExec);
  EXPECT_TRUE(out.config.prometheus);
  EXPECT_EQ(out.config.prometheus_port, 9464);
  EXPECT_THAT(out.command, ElementsAre("npm", "run", "--prometheus=:1", "-h", "--help"));
  EXPECT_THAT(good({"exec", "npm", "run", "x", "--", "--port", "1"}).command,
              ElementsAre("npm", "run", "x", "--", "--port", "1"));
}

TEST(Options, ExecDefaultsToTheConsoleInTheFormThatSuits) {
  EXPECT_EQ(good({"exec", "--", "a"}, true).config.console, config::ConsoleFormat::kText);
  EXPECT_EQ(good({"exec", "--", "a"}).config.console, config::ConsoleFormat::kJson);
  EXPECT_EQ(good({"exec", "--otlp-endpoint", "http://c:4317", "--", "a"}).config.console,
            config::ConsoleFormat::kOff);
}

TEST(Options, ExecNeedsACommand) {
  EXPECT_EQ(error({"exec"}), "tacit exec needs a command: tacit exec -- COMMAND…");
  EXPECT_EQ(error({"exec", "--console", "json", "--"}),
            "tacit exec needs a command: tacit exec -- COMMAND…");
}

TEST(Options, EachSelectorFlagIsItsOwnSelector) {
  const auto out =
      good({"run", "--port", "80", "--port", "81", "--exe", "*/nginx", "--cmd=*worker*", "--pid",
            "42", "--cgroup", "/a/*", "--container", "web"});
  EXPECT_EQ(out.what, Command::kRun);
  const auto& s = out.config.selectors;
  ASSERT_EQ(s.size(), 7u);
  std::set<std::string> seen;
  for (const auto& selector : s) {
    for (const auto port : selector.ports) seen.insert("port " + std::to_string(port));
    if (selector.pid != 0) seen.insert("pid " + std::to_string(selector.pid));
    for (const auto& text : {selector.exe, selector.cmd, selector.cgroup, selector.container})
      if (!text.empty()) seen.insert(text);
  }
  EXPECT_THAT(seen, ElementsAre("*/nginx", "*worker*", "/a/*", "pid 42", "port 80", "port 81",
                                "web"));
  EXPECT_TRUE(out.config.prometheus);
}

TEST(Options, RunWithoutSelectorsParses) {
  EXPECT_THAT(good({"run"}).config.selectors, IsEmpty());
}

TEST(Options, SettingsByFlags) {
  const auto out =
      good({"run", "--prometheus=[::1]:9000", "--sampler", "traceidratio=0.1", "--service-name",
            "shop", "--route", "/a/{b}", "--route", "/c", "--http-query", "redact", "--semconv",
            "both", "--log-level", "debug", "--otlp-endpoint", "http://c:4318", "--otlp-protocol",
            "http/protobuf", "--console", "off"});
  const auto& c = out.config;
  EXPECT_TRUE(c.prometheus);
  EXPECT_EQ(c.prometheus_host, "::1");
  EXPECT_EQ(c.prometheus_port, 9000);
  EXPECT_EQ(c.sampler.name, "traceidratio");
  EXPECT_EQ(c.sampler.ratio, 0.1);
  EXPECT_EQ(c.service_name, "shop");
  EXPECT_THAT(c.http_routes, ElementsAre("/a/{b}", "/c"));
  EXPECT_EQ(c.http_query, config::QueryPolicy::kRedact);
  EXPECT_EQ(c.semconv, config::SemanticConvention::kBoth);
  EXPECT_EQ(c.log_level, "debug");
  EXPECT_EQ(c.otlp_traces.endpoint, "http://c:4318/v1/traces");
  EXPECT_EQ(c.console, config::ConsoleFormat::kOff);
}

TEST(Options, PrometheusAddressForms) {
  EXPECT_EQ(good({"run", "--prometheus=9000"}).config.prometheus_port, 9000);
  EXPECT_EQ(good({"run", "--prometheus=:9000"}).config.prometheus_host, "localhost");
  EXPECT_EQ(good({"run", "--prometheus=0.0.0.0:9000"}).config.prometheus_host, "0.0.0.0");
  EXPECT_EQ(error({"run", "--prometheus=a:b"}),
            "--prometheus: the port is \"b\": it must be a whole number from 0 to 65535");
}

TEST(Options, WrongFlagsGiveTheNearestName) {
  EXPECT_EQ(error({"exec", "--consle", "json", "--", "a"}),
            "tacit exec has no option --consle; did you mean --console?");
  EXPECT_EQ(error({"run", "--prot=80"}), "tacit run has no option --prot; did you mean --port?");
  EXPECT_EQ(error({"exec", "--port", "80", "--", "a"}).substr(0, 31),
            "tacit exec has no option --port");
  EXPECT_EQ(error({"rn"}), "tacit has no command rn; did you mean run? (see tacit --help)");
  EXPECT_EQ(error({"run", "--", "a"}), "tacit run takes no command; see tacit run --help");
  EXPECT_EQ(error({"run", "8080"}), "tacit run takes no argument \"8080\"; see tacit run --help");
}

TEST(Options, WrongValuesNameTheFlag) {
  EXPECT_EQ(error({"run", "--console", "xml"}),
            "--console is \"xml\": allowed are json, text, on and off");
  EXPECT_EQ(error({"run", "--port", "http"}),
            "--port is \"http\": it must be a number from 1 to 65535");
  EXPECT_EQ(error({"run", "--pid", "-1"}), "--pid is \"-1\": it must be a process id");
  EXPECT_THAT(error({"run", "--port"}), HasSubstr("--port"));
  EXPECT_THAT(error({"run", "--console", "json", "--console", "text"}), HasSubstr("--console"));
}

TEST(Options, VersionAndHelp) {
  EXPECT_EQ(good({"version"}).what, Command::kVersion);
  EXPECT_EQ(good({"--version"}).what, Command::kVersion);
  EXPECT_EQ(good({}).what, Command::kHelp);
  EXPECT_EQ(good({"--help"}).help, help_text(""));
  EXPECT_EQ(good({"run", "--port", "80", "--help"}).help, help_text("run"));
  EXPECT_EQ(good({"exec", "-h", "--", "ls"}).help, help_text("exec"));
  EXPECT_EQ(good({"help", "doctor"}).help, help_text("doctor"));
}

// Every --word of the help's lines that begin with two blanks is a flag, and every flag has a line.
TEST(Options, HelpNamesExactlyTheFlags) {
  for (const char* command : {"exec", "run", "doctor"}) {
    std::set<std::string> named;
    const std::string text(help_text(command));
    for (size_t at = text.find("\n  --"); at != std::string::npos; at = text.find("\n  --", at + 1))
      named.insert(text.substr(at + 3, text.find_first_of(" [=\n", at + 3) - at - 3));
    named.erase("--help");
    const auto flags = known_flags(command);
    EXPECT_EQ(named, std::set<std::string>(flags.begin(), flags.end())) << command;
  }
}

TEST(Options, HelpFitsATerminal) {
  for (const char* command : {"", "exec", "run", "doctor"}) {
    const std::string text(help_text(command));
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

}  // namespace
}  // namespace tacit::command
