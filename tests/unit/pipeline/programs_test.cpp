// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/programs.h"

#include <gtest/gtest.h>

#include <vector>

namespace tacit::pipeline {
namespace {

using trace::ParentSource;

constexpr uint32_t kShell = 100;
constexpr uint64_t kBegin = 5'000'000'000;
constexpr char kHeader[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string text(const telemetry::Span& span, const char* key) {
  for (const auto& attribute : span.attributes)
    if (attribute.key == key)
      if (const auto* value = std::get_if<std::string>(&attribute.value)) return *value;
  return "-";
}

int64_t number(const telemetry::Span& span, const char* key) {
  for (const auto& attribute : span.attributes)
    if (attribute.key == key)
      if (const auto* value = std::get_if<int64_t>(&attribute.value)) return *value;
  return -1;
}

class ProgramsTest : public ::testing::Test {
 protected:
  void fork(uint32_t pid, uint32_t child, uint64_t task = 0) {
    process_fork_event raw{};
    raw.header.pid = raw.header.tid = pid;
    raw.child_pid = child;
    raw.by.task = task;
    programs.forked({&raw});
  }
  void exec(uint32_t pid, const char* name = "curl",
            const std::optional<trace::TraceContext>& environment = {}) {
    programs.executed(pid, kBegin, {name, name}, environment, keep);
  }
  // The source of the parent of a call that this process makes.
  const char* call_source(uint32_t pid) {
    const auto place = call(pid);
    correlator.settle(*place, kBegin, true);
    return trace::name_of(place->source);
  }
  trace::PlacePtr call(uint32_t pid) {
    return correlator.failed({pid, pid, 0, 0}, keep, kBegin);
  }
  trace::PlacePtr serve(uint32_t pid, uint64_t task) {
    auto request = std::make_shared<trace::Place>();
    request->sampler = &keep;
    request->actor = {pid, pid, task, 0};
    request->socket_id = 50;
    correlator.work(pid).served(request, 1);
    return request;
  }

  trace::Sampler keep = *trace::Sampler::create({});
  trace::Correlator correlator{trace::IdGenerator(1)};
  std::vector<EndedProgram> ended;
  Programs programs{correlator, kShell, [this](EndedProgram program) {
                      ended.push_back(std::move(program));
                    }};
};

TEST_F(ProgramsTest, TheCommandIsShownAlsoWhereItCalledNobody) {
  exec(kShell, "sh");
  programs.exited(kShell, kBegin + 7, 3 << 8);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].pid, kShell);
  EXPECT_EQ(ended[0].name.shown, "sh");
  EXPECT_EQ(ended[0].begin_ns, kBegin);
  EXPECT_EQ(ended[0].end_ns, kBegin + 7);
  EXPECT_EQ(ended[0].wait_status, 3u << 8);
}

TEST_F(ProgramsTest, OtherProgramsAreShownOnlyAsParents) {
  exec(200);
  programs.exited(200, kBegin + 1, 0);
  EXPECT_TRUE(ended.empty());
  exec(201);
  EXPECT_STREQ(call_source(201), "process");
  programs.exited(201, kBegin + 1, 0);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].pid, 201u);
}

TEST_F(ProgramsTest, AForkedChildSharesItsParentsUntilItExecutes) {
  exec(200, "python3");
  fork(200, 201);
  fork(201, 202);
  EXPECT_STREQ(call_source(202), "process");
  programs.exited(202, kBegin + 1, 0);
  programs.exited(201, kBegin + 1, 0);
  EXPECT_TRUE(ended.empty());  // they were no programs
  programs.exited(200, kBegin + 2, 0);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].pid, 200u);
}

TEST_F(ProgramsTest, AChildsProgramIsItsOwn) {
  exec(200, "make");
  fork(200, 201);
  exec(201, "curl");
  const auto made = call(201);
  programs.exited(201, kBegin + 1, 0);
  programs.exited(200, kBegin + 2, 0);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].name.shown, "curl");
  EXPECT_EQ(made->parent, ended[0].place);
}

TEST_F(ProgramsTest, OneProgramThatBecomesAnotherIsOne) {
  exec(kShell, "sh");
  exec(kShell, "curl");
  EXPECT_STREQ(call_source(kShell), "process");
  programs.exited(kShell, kBegin + 1, 0);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].name.shown, "curl");
}

TEST_F(ProgramsTest, AServerIsNobodysParentFromThenOn) {
  exec(kShell, "python3");
  fork(kShell, 101);
  EXPECT_STREQ(call_source(kShell), "process");
  programs.serves(101, kBegin + 5);  // a worker listens for its master
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].end_ns, kBegin + 5);
  EXPECT_EQ(ended[0].wait_status, std::nullopt);
  EXPECT_STREQ(call_source(kShell), "none");
  EXPECT_STREQ(call_source(101), "none");
  programs.exited(kShell, kBegin + 9, 0);
  EXPECT_EQ(ended.size(), 1u);
}

TEST_F(ProgramsTest, AServerThatCalledNobodyBeforeIsNotShown) {
  exec(kShell, "nginx");
  programs.serves(kShell, kBegin + 5);
  programs.exited(kShell, kBegin + 9, 0);
  EXPECT_TRUE(ended.empty());
}

TEST_F(ProgramsTest, TheEnvironmentsTraceparentIsTheParent) {
  exec(kShell, "deploy", trace::parse_traceparent(kHeader));
  programs.exited(kShell, kBegin + 1, 0);
  ASSERT_EQ(ended.size(), 1u);
  auto& place = *ended[0].place;
  ASSERT_TRUE(correlator.settle(place, kBegin));
  EXPECT_EQ(place.source, ParentSource::kEnvironment);
  EXPECT_EQ(place.trace_id, trace::parse_traceparent(kHeader)->trace_id);
  EXPECT_EQ(place.parent_span_id, trace::parse_traceparent(kHeader)->span_id);
}

TEST_F(ProgramsTest, AProgramThatARequestStartedIsItsChildAndShown) {
  const auto request = serve(300, 7);
  fork(300, 301, 7);
  exec(301, "convert");
  programs.exited(301, kBegin + 1, 0);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].place->parent, request);
  EXPECT_EQ(ended[0].place->source, ParentSource::kTask);
}

TEST_F(ProgramsTest, AChildThatAnotherTaskStartedIsNot) {
  serve(300, 7);
  fork(300, 301, 8);
  exec(301, "convert");
  programs.exited(301, kBegin + 1, 0);
  EXPECT_TRUE(ended.empty());
}

TEST_F(ProgramsTest, WhoStartedAProcessIsForgottenWithIt) {
  serve(300, 7);
  fork(300, 301, 7);
  programs.exited(301, kBegin, 0);  // it never executed a program; its id is used again
  exec(301, "other");
  programs.exited(301, kBegin + 1, 0);
  EXPECT_TRUE(ended.empty());
}

// A number that is used again, where its first exit was not told of.
TEST_F(ProgramsTest, AForkOfNobodyKnownReplacesAnOlderStarter) {
  serve(300, 7);
  fork(300, 301, 7);
  fork(400, 301);
  exec(301, "other");
  programs.exited(301, kBegin + 1, 0);
  EXPECT_TRUE(ended.empty());
}

TEST_F(ProgramsTest, WhatStillRunsWhenTheAgentStopsEndsAsFarAsIsKnown) {
  exec(200, "tail");
  call(200);
  exec(201, "sleep");
  programs.finish(kBegin + 3);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].pid, 200u);
  EXPECT_EQ(ended[0].wait_status, std::nullopt);
}

TEST_F(ProgramsTest, NoMoreProgramsAreRememberedThanAreFollowed) {
  constexpr uint32_t kMost = 16384;
  for (uint32_t pid = 1000; pid < 1000 + kMost; ++pid) exec(pid);
  exec(1000 + kMost);
  fork(1000, 1001 + kMost);
  EXPECT_STREQ(call_source(1000 + kMost), "none");
  EXPECT_STREQ(call_source(999 + kMost), "process");
  programs.exited(1000, kBegin, 0);
  exec(1000 + kMost);
  EXPECT_STREQ(call_source(1000 + kMost), "process");
}

EndedProgram ended_program(std::optional<uint32_t> wait_status) {
  return {nullptr, 7, {"manage.py", "python3"}, kBegin, kBegin + 1000, wait_status};
}

TEST(ProgramSpan, Succeeded) {
  const auto span = program_span(ended_program(0), 5);
  EXPECT_EQ(span.name, "manage.py");
  EXPECT_EQ(span.kind, telemetry::SpanKind::kInternal);
  EXPECT_EQ(span.start_unix_ns, kBegin + 5);
  EXPECT_EQ(span.end_unix_ns, kBegin + 1005);
  EXPECT_EQ(span.status, telemetry::StatusCode::kUnset);
  EXPECT_EQ(text(span, "process.executable.name"), "python3");
  EXPECT_EQ(number(span, "process.exit.code"), 0);
  EXPECT_EQ(text(span, "error.type"), "-");
  EXPECT_EQ(text(span, "tacit.outcome"), "-");
}

TEST(ProgramSpan, Failed) {
  const auto span = program_span(ended_program(3 << 8), 0);
  EXPECT_EQ(number(span, "process.exit.code"), 3);
  EXPECT_EQ(span.status, telemetry::StatusCode::kError);
  EXPECT_EQ(span.status_message, "exit code 3");
  EXPECT_EQ(text(span, "error.type"), "3");
}

TEST(ProgramSpan, EndedByASignalWithAndWithoutACore) {
  for (const uint32_t status : {11u, 11u | 0x80u}) {
    const auto span = program_span(ended_program(status), 0);
    EXPECT_EQ(number(span, "process.exit.code"), 139);
    EXPECT_EQ(span.status_message, "ended by signal 11");
    EXPECT_EQ(text(span, "error.type"), "139");
  }
}

TEST(ProgramSpan, WhoseEndWasNotSeen) {
  const auto span = program_span(ended_program(std::nullopt), 0);
  EXPECT_EQ(span.status, telemetry::StatusCode::kUnset);
  EXPECT_EQ(text(span, "tacit.outcome"), "unknown");
  EXPECT_EQ(number(span, "process.exit.code"), -1);
}

TEST(ProgramSpan, HostileTimesAndNames) {
  auto program = ended_program(0);
  program.end_ns = program.begin_ns - 1;
  program.name.shown = "caf\xff";
  const auto span = program_span(program, 0);
  EXPECT_EQ(span.end_unix_ns, span.start_unix_ns);
  EXPECT_EQ(span.name, "caf\xef\xbf\xbd");
}

TEST(ProgramSpan, OfAProcessWithoutAName) {
  auto program = ended_program(0);
  program.name = {};
  const auto span = program_span(program, 0);
  EXPECT_EQ(span.name, "process");
  EXPECT_EQ(text(span, "process.executable.name"), "-");
}

}  // namespace
}  // namespace tacit::pipeline
