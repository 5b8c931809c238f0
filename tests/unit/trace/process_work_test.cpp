// SPDX-License-Identifier: Apache-2.0
// Each rule, on what it is made for. process_work_traps_test.cpp has what it must not fall for.
#include <gtest/gtest.h>

#include "tests/unit/trace/process_story.h"

namespace tacit::trace {
namespace {

constexpr ProgramTraits kPython = {.calls_in_turn = false, .threads_started_for_work = true};
constexpr ProgramTraits kEventLoop = {.calls_in_turn = true, .threads_started_for_work = false};

TEST(TaskRule, ACallOfTheTaskThatReadTheRequest) {
  ProcessStory story;
  const auto request = story.read(in_task(7, 1), 50);
  expect_found(story.call(in_task(7, 2)), request, ParentSource::kTask);  // on whatever thread
  expect_none(story.call(in_task(8, 1)));
}

// uvicorn: the connection's context stays, each request is handled in a copy of it.
TEST(TaskRule, CopiesOfAConnectionsTaskKeepTheRequestTheyWereMadeFor) {
  ProcessStory story;
  constexpr uint64_t kA = 1, kB1 = 2, kB2 = 3;
  story.copy(0, kA);
  const auto first = story.read(in_task(kA), 50);
  story.copy(kA, kB1);
  expect_found(story.call(in_task(kB1)), first, ParentSource::kTask);
  story.answer(first);
  expect_none(story.call(in_task(kA)));
  expect_found(story.call(in_task(kB1)), first, ParentSource::kTask);  // its background work
  const auto second = story.read(in_task(kA), 50);
  story.copy(kA, kB2);
  expect_found(story.call(in_task(kB2)), second, ParentSource::kTask);
  expect_found(story.call(in_task(kB1)), first, ParentSource::kTask);
  expect_found(story.call(in_task(kA)), second, ParentSource::kTask);
}

TEST(TaskRule, ReachesAnyDepth) {
  ProcessStory story;
  story.copy(0, 1);
  const auto request = story.read(in_task(1), 50);
  for (uint64_t task = 1; task < 100; ++task) story.copy(task, task + 1);
  expect_found(story.call(in_task(100)), request, ParentSource::kTask);
}

TEST(TaskRule, RequestsAtOnceAreToldApart) {
  ProcessStory story;
  std::vector<PlacePtr> requests;
  for (uint64_t i = 1; i <= 100; ++i) {
    story.copy(0, i);
    requests.push_back(story.read(in_task(i), 1000 + i));
    story.copy(i, 10'000 + i);
  }
  for (uint64_t i = 1; i <= 100; ++i)
    expect_found(story.call(in_task(10'000 + i)), requests[i - 1], ParentSource::kTask);
}

// aiohttp: one task reads, another one serves, both come from what accepted the connection.
TEST(TaskRule, AHandlerStartedBeforeTheRequestServesItsConnection) {
  ProcessStory story;
  constexpr uint64_t kBase = 1, kOrigin = 2, kReader = 3, kHandler = 4, kHandlersChild = 5;
  story.copy(0, kBase, on_thread(1), kAccepted - 10);
  story.copy(kBase, kOrigin, on_thread(1), kAccepted + 10);
  story.copy(kOrigin, kReader);
  story.copy(kOrigin, kHandler);
  const auto first = story.read(in_task(kReader), 50);
  expect_found(story.call(in_task(kHandler)), first, ParentSource::kTask);
  story.copy(kHandler, kHandlersChild);
  expect_found(story.call(in_task(kHandlersChild)), first, ParentSource::kTask);
  story.answer(first);
  expect_none(story.call(in_task(kHandler)));
  const auto second = story.read(in_task(kReader), 50);
  expect_found(story.call(in_task(kHandler)), second, ParentSource::kTask);
  expect_ambiguous(story.call(in_task(kHandlersChild)));  // it called before, and lives on
  expect_none(story.call(in_task(kBase)));
}

TEST(TaskRule, LineageOutlivesTheNumbersOfTasks) {
  ProcessStory story;
  constexpr uint64_t kOrigin = 2, kReader = 3, kHandler = 4, kStranger = 5;
  story.copy(0, kOrigin, on_thread(1), kAccepted + 10);
  story.copy(kOrigin, kReader);
  story.copy(kOrigin, kHandler);
  story.copy(kStranger, kOrigin);  // the number of a task that is gone, used again
  const auto request = story.read(in_task(kReader), 50);
  expect_found(story.call(in_task(kHandler)), request, ParentSource::kTask);
  expect_none(story.call(in_task(kOrigin)));
}

// uvloop reads outside of any task and then enters the connection's.
TEST(TaskRule, TheTaskEnteredInTheTurnOfTheReadGotTheRequest) {
  ProcessStory story;
  const auto loop = on_thread(1, 5, 1);
  const auto first = story.read(loop, 50);
  story.work.task_entered(in_task(7, 1, 5, 1));
  story.copy(7, 8, loop);
  const auto second = story.read(on_thread(1, 5, 2), 51);
  story.work.task_entered(in_task(9, 1, 5, 2));
  story.copy(9, 10, on_thread(1, 5, 2));
  expect_found(story.call(in_task(8, 1, 6, 0)), first, ParentSource::kTask);
  expect_found(story.call(in_task(10, 1, 6, 0)), second, ParentSource::kTask);
  expect_none(story.call(in_task(7, 1, 6, 0)));  // its next request may have come meanwhile
}

TEST(ClaimRule, WhoeverWritesItTheRequestIsTheClaimants) {
  ProcessStory story;
  const auto first = story.read(in_task(1), 50);
  const auto second = story.read(in_task(2), 51);
  story.work.socket_claimed(in_task(1), 900);
  story.work.socket_claimed(in_task(2), 901);
  expect_found(story.call(in_task(77), 901), second, ParentSource::kClaim);
  expect_found(story.call(in_task(78), 900), first, ParentSource::kClaim);
}

TEST(WorkRule, TheTakerWorksForTheGiverUntilItTakesAgain) {
  ProcessStory story;
  const auto first = story.read(in_task(1), 50);
  const auto second = story.read(in_task(2), 51);
  story.work.work_given(in_task(1), 0xa0);
  story.work.work_given(in_task(2), 0xb0);
  story.work.work_taken(30, 0xb0);
  story.work.work_taken(31, 0xa0);
  expect_found(story.call(on_thread(30)), second, ParentSource::kWork);
  expect_found(story.call(on_thread(31)), first, ParentSource::kWork);
  story.work.work_given(in_task(1), 0xc0);
  story.work.work_taken(30, 0xc0);
  expect_found(story.call(on_thread(30)), first, ParentSource::kWork);
}

TEST(WorkRule, PassesOnFromTakerToTaker) {
  ProcessStory story;
  const auto request = story.read(on_thread(1), 50);
  story.work.work_given(on_thread(1), 0xa0);
  story.work.work_taken(30, 0xa0);
  story.work.work_given(on_thread(30), 0xb0);
  story.work.work_taken(31, 0xb0);
  expect_found(story.call(on_thread(31)), request, ParentSource::kWork);
}

// asyncio.run() in a pool's thread.
TEST(WorkRule, TasksThatTheTakerStartsAreForTheSame) {
  ProcessStory story;
  const auto request = story.read(in_task(1), 50);
  story.work.work_given(in_task(1), 0xa0);
  story.work.work_taken(30, 0xa0);
  story.copy(0, 8, on_thread(30));
  expect_found(story.call(in_task(8, 30, 4, 0)), request, ParentSource::kTask);
}

TEST(ThreadRule, AThreadThatReadARequestAndHasNotWaitedSince) {
  ProcessStory story;
  const auto first = story.read(on_thread(1, 3, 1), 50);
  const auto second = story.read(on_thread(2, 3, 1), 51);
  expect_found(story.call(on_thread(1, 3, 5)), first, ParentSource::kThread);
  expect_found(story.call(on_thread(2, 3, 2)), second, ParentSource::kThread);
  expect_none(story.call(on_thread(3)));
  story.answer(first);
  expect_none(story.call(on_thread(1, 3, 5)));
}

TEST(ThreadRule, HoldsAlsoWhereTheBodyWasReadAfterAWait) {
  ProcessStory story;
  const auto request = story.read(on_thread(1, 3, 1), 50);
  story.work.received(request, on_thread(1, 4, 1));
  expect_found(story.call(on_thread(1, 4, 2)), request, ParentSource::kThread);
  expect_ambiguous(story.call(on_thread(1, 3, 2)));
}

TEST(ThreadStartRule, AThreadStartedInARequestWorksForIt) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const auto request = story.read(on_thread(1), 50);
  story.work.thread_started(on_thread(1), 40);
  story.work.thread_started(on_thread(40), 41);
  story.answer(request);
  expect_none(story.call(on_thread(41)));  // 40 is not known to work for nobody else
  const Finding found = story.call(on_thread(40, 2, 0));
  expect_found(found, request, ParentSource::kThreadStart);
  ASSERT_TRUE(found.proof);
  EXPECT_EQ(found.proof->ended_ns, 0u);
  story.work.thread_ended(40, 700);
  EXPECT_EQ(found.proof->ended_ns, 700u);
  EXPECT_FALSE(found.proof->with_process);
  expect_none(story.call(on_thread(40, 2, 0)));  // the number is another thread's now
}

TEST(ThreadStartRule, AtTheEndOfItsProcessEveryThreadEnds) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const auto request = story.read(on_thread(1), 50);
  story.work.thread_started(on_thread(1), 40);
  story.work.thread_started(on_thread(1), 41);
  const Finding early = story.call(on_thread(40));
  const Finding late = story.call(on_thread(41));
  story.work.thread_ended(40, 1'000);
  const uint64_t end_ns = 1'001 + 2 * ThreadLife::kGoesOnNs;
  story.work.thread_ended(41, end_ns - ThreadLife::kGoesOnNs);
  story.work.ended(end_ns);
  EXPECT_FALSE(early.proof->with_process);
  EXPECT_TRUE(late.proof->with_process);
}

TEST(ThreadStartRule, WhatSuchAThreadHandsOnIsForNobodyKnown) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const auto request = story.read(in_task(1), 50);
  story.work.thread_started(in_task(1), 40);
  story.copy(0, 8, on_thread(40));
  expect_none(story.call(in_task(8, 40)));
  EXPECT_TRUE(request->open);
}

TEST(CallbackRule, ACallInTheTurnOfTheRead) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  const auto first = story.read(on_thread(1, 5, 1), 50);
  expect_found(story.call(on_thread(1, 5, 1)), first, ParentSource::kCallback);
  const auto second = story.read(on_thread(1, 5, 2), 51);
  expect_found(story.call(on_thread(1, 5, 2)), second, ParentSource::kCallback);
  expect_ambiguous(story.call(on_thread(1, 5, 3)));
  expect_ambiguous(story.call(on_thread(1, 6, 0)));
  story.answer(first);
  story.answer(second);
  expect_none(story.call(on_thread(1, 7, 1)));
}

// The connection stands only in a later turn: who opened it counts.
TEST(CallbackRule, AFreshConnectionIsItsOpeners) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  const auto first = story.read(on_thread(1, 5, 1), 50);
  const auto second = story.read(on_thread(1, 6, 1), 51);
  expect_found(story.first_call(on_thread(1, 6, 1), on_thread(1, 5, 1)), first,
               ParentSource::kCallback);
  expect_found(story.call(on_thread(1, 6, 1)), second, ParentSource::kCallback);
}

TEST(StartedBy, AForkIsForWhatItsMakerWorksFor) {
  ProcessStory story;
  const auto request = story.read(in_task(1), 50);
  expect_found(story.work.started_by(in_task(1)), request, ParentSource::kTask);
  expect_none(story.work.started_by(on_thread(9)));
}

}  // namespace
}  // namespace tacit::trace
