// SPDX-License-Identifier: Apache-2.0
// What looks like a cause and is none: here no parent, or an ambiguous one, is the right answer.
#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/trace/process_story.h"

namespace tacit::trace {
namespace {

constexpr ProgramTraits kPython = {.calls_in_turn = false, .threads_started_for_work = true};
constexpr ProgramTraits kEventLoop = {.calls_in_turn = true, .threads_started_for_work = false};
constexpr ProgramTraits kGo = {
    .calls_in_turn = false, .threads_started_for_work = false, .tasks_move = true};
constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

TEST(TaskTraps, ATaskThatReadsSeveralConnectionsAtOnceIsAmbiguous) {
  ProcessStory story;
  story.read(in_task(1), 50);
  story.read(in_task(1), 51);
  expect_ambiguous(story.call(in_task(1)));
}

// One connection after the other is what a worker does.
TEST(TaskTraps, ATaskThatReadsConnectionsInTurnIsNot) {
  ProcessStory story;
  story.answer(story.read(in_task(1), 50));
  const auto request = story.read(in_task(1), 51);
  expect_found(story.call(in_task(1)), request, ParentSource::kTask);
}

TEST(TaskTraps, WhatSeveralConnectionsComeFromIsAmbiguous) {
  ProcessStory story;
  constexpr uint64_t kOrigin = 1, kHandler = 4;
  story.copy(0, kOrigin, on_thread(1), kAccepted + 10);
  story.copy(kOrigin, 2);
  story.copy(kOrigin, 3);
  story.copy(kOrigin, kHandler);
  story.read(in_task(2), 50);
  story.read(in_task(3), 51);
  expect_ambiguous(story.call(in_task(kHandler)));
  expect_ambiguous(story.call(in_task(kOrigin)));
}

// A task of the base context, older than every connection, is nobody's.
TEST(TaskTraps, BaseWorkHasNoParentWhileRequestsAreServed) {
  ProcessStory story;
  constexpr uint64_t kBase = 1, kTimer = 2, kConnection = 3;
  story.copy(0, kBase, on_thread(1), 10);
  story.copy(kBase, kTimer, on_thread(1), 20);
  story.copy(kBase, kConnection, on_thread(1), kAccepted + 10);
  story.read(in_task(kConnection), 50);
  expect_none(story.call(in_task(kTimer)));
  expect_none(story.call(in_task(kBase)));
  story.copy(kTimer, 9);
  expect_none(story.call(in_task(9)));
}

// A reader that is older than the connection had children for other reasons.
TEST(TaskTraps, OlderChildrenOfAReaderHaveOtherCauses) {
  ProcessStory story;
  constexpr uint64_t kReader = 1, kOlder = 2, kYounger = 3;
  story.copy(0, kReader, on_thread(1), 10);
  story.copy(kReader, kOlder, on_thread(1), 20);
  const auto request = story.read(in_task(kReader), 50);
  expect_none(story.call(in_task(kOlder)));
  expect_found(story.call(in_task(kReader)), request, ParentSource::kTask);
  story.copy(kReader, kYounger);
  expect_found(story.call(in_task(kYounger)), request, ParentSource::kTask);
}

// Connections that are older than the agent: when they were accepted was not seen.
TEST(TaskTraps, AnUnseenAcceptTellsNothingOfAncestors) {
  ProcessStory story;
  constexpr uint64_t kOrigin = 1, kReader = 2, kHandler = 3;
  story.copy(0, kOrigin);
  story.copy(kOrigin, kReader);
  story.copy(kOrigin, kHandler);
  const auto request = story.read(in_task(kReader), 50, 0);
  expect_none(story.call(in_task(kHandler)));
  expect_found(story.call(in_task(kReader)), request, ParentSource::kTask);
}

TEST(TaskTraps, ANumberUsedAgainForgetsWhatItWas) {
  ProcessStory story;
  story.copy(0, 1);
  story.read(in_task(1), 50);
  story.copy(1, 2);
  story.copy(99, 2);  // the copy is gone, another task has its address
  expect_none(story.call(in_task(2)));
}

// The thread read a request in one task; what another, unknown one does on it is not for that.
TEST(TaskTraps, AThreadGoesOnToOtherTasks) {
  ProcessStory story;
  story.read(in_task(1, 7), 50);
  expect_none(story.call(in_task(2, 7)));
  story.work.socket_claimed(in_task(2, 7), 900);
  expect_none(story.call(in_task(3, 8), 900));
  expect_none(story.work.started_by(in_task(2, 7)));
}

TEST(TaskTraps, WhatIsStartedOutsideOfTasksOnAThreadThatReadInOneIsNotForThat) {
  ProcessStory story;
  story.read(in_task(1, 7), 50);
  story.copy(0, 5, on_thread(7));
  expect_none(story.call(in_task(5, 7)));
  expect_none(story.call(on_thread(7)));
}

// uvloop: the loop itself does other things in the turn of a read.
TEST(TaskTraps, WhatTheLoopStartsAfterTheTaskWasEnteredIsNotForIt) {
  ProcessStory story;
  story.read(on_thread(1, 5, 1), 50);
  story.work.task_entered(in_task(7, 1, 5, 1));
  story.copy(0, 8, on_thread(1, 5, 1));  // of a connection that is accepted
  expect_none(story.call(in_task(8, 1, 5, 1)));
  expect_none(story.call(on_thread(1, 5, 1)));
}

TEST(TaskTraps, MoreOfTheRequestLeavesItWithTheTaskThatWasEntered) {
  ProcessStory story;
  const auto request = story.read(on_thread(1, 5, 1), 50);
  story.work.task_entered(in_task(7, 1, 5, 1));
  story.work.received(request, on_thread(1, 5, 2));
  story.copy(0, 8, on_thread(1, 5, 2));
  expect_none(story.call(in_task(8, 1, 5, 2)));
}

TEST(TaskTraps, OnlyTheFirstTaskEnteredInTheSameTurnGotTheRequest) {
  ProcessStory story;
  story.read(on_thread(1, 5, 1), 50);
  story.work.task_entered(in_task(7, 1, 5, 2));  // something else was read meanwhile
  expect_none(story.call(in_task(7, 1, 5, 2)));

  story.read(on_thread(2, 5, 1), 51);
  story.work.task_entered(in_task(8, 2, 5, 1));
  story.work.task_entered(in_task(9, 2, 5, 1));
  expect_none(story.call(in_task(9, 2, 5, 1)));
}

TEST(TaskTraps, PipelinedRequestsAreServedInOrder) {
  ProcessStory story;
  const auto first = story.read(in_task(1), 50);
  const auto second = story.read(in_task(1), 50);
  EXPECT_TRUE(first->pipelined);
  EXPECT_TRUE(second->pipelined);
  expect_found(story.call(in_task(1)), first, ParentSource::kTask);
  story.answer(first);
  expect_found(story.call(in_task(1)), second, ParentSource::kTask);
  story.answer(second);
  expect_none(story.call(in_task(1)));
}

// A handler that goes on after its answer, beside the handler of the pipelined request behind it.
TEST(TaskTraps, WorkLeftBehindByAPipelinedRequestIsAmbiguous) {
  ProcessStory story;
  story.copy(0, 1);
  const auto first = story.read(in_task(1), 50);
  story.copy(1, 2);
  story.read(in_task(1), 50);
  story.answer(first);
  expect_ambiguous(story.call(in_task(2)));
}

// A pool starts its workers when it first needs them.
TEST(TaskTraps, AGoroutineThatCalledAndOutlivesItsRequestMayWorkForOthers) {
  ProcessStory story;
  story.work.set_traits(kGo);
  story.copy(0, 1);
  const auto request = story.read(in_task(1), 50);
  story.copy(1, 2);
  story.copy(1, 3);
  expect_found(story.call(in_task(2)), request, ParentSource::kTask);
  expect_found(story.call(in_task(2)), request, ParentSource::kTask);
  story.answer(request);
  expect_ambiguous(story.call(in_task(2)));
  expect_found(story.call(in_task(3)), request, ParentSource::kTask);  // left behind by it
  expect_ambiguous(story.call(in_task(3)));
}

// A worker that is started when it is first needed: its later calls are others'.
TEST(TaskTraps, ATaskThatCalledAndOutlivesItsRequestMayWorkForOthers) {
  ProcessStory story;
  const auto request = story.read(in_task(1), 50);
  story.copy(1, 2, in_task(1));  // the handler
  story.copy(2, 3, in_task(2));  // the worker
  story.copy(2, 4, in_task(2));  // left behind by it
  expect_found(story.call(in_task(3)), request, ParentSource::kTask);
  story.answer(request);
  expect_ambiguous(story.call(in_task(3)));
  expect_found(story.call(in_task(4)), request, ParentSource::kTask);
  expect_found(story.call(in_task(4)), request, ParentSource::kTask);
}

TEST(TaskTraps, AHandlerGoesOnAfterItsAnswer) {
  ProcessStory story;
  const auto request = story.read(in_task(1), 50);
  story.copy(1, 2, in_task(1));
  expect_found(story.call(in_task(2)), request, ParentSource::kTask);
  story.answer(request);
  expect_found(story.call(in_task(2)), request, ParentSource::kTask);
}

TEST(ThreadTraps, WhereTasksMoveNoThreadTellsAnything) {
  ProcessStory story;
  story.work.set_traits(kGo);
  story.read(on_thread(1), 50);
  expect_none(story.call(on_thread(1)));
  expect_none(story.call(in_task(9, 1)));
  expect_none(story.work.started_by(on_thread(1)));
}

TEST(TaskTraps, AfterALossNothingOldIsBelieved) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const auto request = story.read(in_task(1), 50);
  story.copy(1, 2);
  story.work.socket_claimed(in_task(1), 900);
  story.work.work_given(in_task(1), 0xa0);
  story.work.thread_started(in_task(1), 40);
  story.work.forget_tasks();
  expect_none(story.call(in_task(1)));
  expect_none(story.call(in_task(2)));
  expect_none(story.call(in_task(2), 900));
  story.work.work_taken(30, 0xa0);
  expect_none(story.call(on_thread(30)));
  expect_none(story.call(on_thread(40)));
  story.answer(request);
  const auto next = story.read(in_task(1), 50);
  story.copy(1, 3);
  expect_found(story.call(in_task(3)), next, ParentSource::kTask);
}

TEST(OpenerTraps, AConnectionIsItsOpenersOnlyWhereNoTaskWrites) {
  ProcessStory story;
  story.copy(0, 1);
  const auto first = story.read(in_task(1), 50);
  story.copy(0, 2);
  const auto second = story.read(in_task(2), 51);
  expect_found(story.first_call(on_thread(1, 9, 0), in_task(1)), first, ParentSource::kTask);
  expect_found(story.first_call(in_task(2), in_task(1)), second, ParentSource::kTask);
}

TEST(OpenerTraps, AnOpenersNumberThatWasUsedAgainIsNobody) {
  ProcessStory story;
  story.copy(0, 1);
  story.read(in_task(1), 50);
  story.copy(1, 2, on_thread(1), 20'000);
  expect_none(story.work.find({on_thread(1, 9, 0), 999, in_task(2), 15'000}));
}

TEST(ClaimTraps, AClaimIsUsedOnce) {
  ProcessStory story;
  const auto request = story.read(in_task(1), 50);
  story.work.socket_claimed(in_task(1), 900);
  expect_found(story.call(in_task(77), 900), request, ParentSource::kClaim);
  expect_none(story.call(in_task(77), 900));
}

TEST(ClaimTraps, TheNewestClaimHoldsAlsoWhereItIsForNobody) {
  ProcessStory story;
  story.read(in_task(1), 50);
  story.work.socket_claimed(in_task(1), 900);  // its request was given up before it was written
  story.work.socket_claimed(in_task(5), 900);  // base work
  expect_none(story.call(in_task(1), 900));
}

TEST(WorkTraps, UnknownWorkIsNobodys) {
  ProcessStory story;
  story.read(in_task(1), 50);
  story.work.work_given(in_task(1), 0xa0);
  story.work.work_taken(30, 0xa0);
  story.work.work_taken(30, 0xdead);  // given before the agent came
  expect_none(story.call(on_thread(30)));
}

TEST(WorkTraps, AUnitIsTakenOnceAndItsAddressMayBeUsedAgain) {
  ProcessStory story;
  story.read(in_task(1), 50);
  story.work.work_given(in_task(1), 0xa0);
  story.work.work_taken(30, 0xa0);
  story.work.work_taken(31, 0xa0);
  expect_none(story.call(on_thread(31)));
  story.work.work_given(in_task(9), 0xa0);  // base work
  story.work.work_taken(31, 0xa0);
  expect_none(story.call(on_thread(31)));
}

// A pool's thread was started in a request and outlives it.
TEST(WorkTraps, AThreadThatTakesWorkWasNotStartedForOneRequest) {
  ProcessStory story;
  story.work.set_traits(kPython);
  story.read(in_task(1), 50);
  story.work.thread_started(in_task(1), 40);
  story.work.work_taken(40, 0xdead);
  expect_none(story.call(on_thread(40)));
}

TEST(WorkTraps, AWorkersOwnTaskDoesNotKeepItsFirstWork) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const auto first = story.read(in_task(1), 50);
  const auto second = story.read(in_task(2), 51);
  story.work.work_given(in_task(1), 0xa0);
  story.work.work_taken(30, 0xa0);
  expect_found(story.call(on_thread(30)), first, ParentSource::kWork);
  story.work.work_given(in_task(2), 0xb0);
  story.work.work_taken(30, 0xb0);
  story.copy(0, 8, on_thread(30));
  expect_found(story.call(in_task(8, 30)), second, ParentSource::kTask);
}

// A pool of the runtime (no work events): its threads run tasks, and one that is known to serve nobody
// says so whatever its thread was started for.
TEST(ThreadStartTraps, ATaskThatServesNobodyDoesNotServeWhatItsThreadWasStartedFor) {
  ProcessStory story;
  story.work.set_traits(kPython);
  constexpr uint64_t kTimer = 2, kCopy = 3;
  story.copy(0, kTimer, on_thread(1), 10);
  story.read(in_task(1), 50);
  story.work.thread_started(in_task(1), 40);
  story.copy(kTimer, kCopy);
  expect_none(story.call(in_task(kCopy, 40)));
  expect_none(story.call(in_task(777, 40)));  // nor one that is not known
}

TEST(ThreadStartTraps, IsTrustedOnlyWhereTheRuntimeIsKnownForIt) {
  ProcessStory story;
  const auto request = story.read(on_thread(1), 50);
  story.work.thread_started(on_thread(1), 40);
  expect_none(story.call(on_thread(40)));
  story.answer(request);
  story.work.set_traits(kEventLoop);
  expect_none(story.call(on_thread(40)));
}

TEST(ThreadStartTraps, AThreadThatReadsRequestsWorksForThose) {
  ProcessStory story;
  story.work.set_traits(kPython);
  story.read(on_thread(1), 50);
  story.work.thread_started(on_thread(1), 40);
  story.answer(story.read(on_thread(40), 51));
  expect_none(story.call(on_thread(40)));
}

TEST(ThreadStartTraps, AnIdUsedAgainForgetsWhatItsThreadDid) {
  ProcessStory story;
  story.work.set_traits(kPython);
  story.read(on_thread(40), 51);
  story.work.thread_started(on_thread(9), 40);
  expect_none(story.call(on_thread(40)));
}

TEST(ThreadTraps, AWaitForManyThingsInBetweenIsAmbiguous) {
  ProcessStory story;
  story.read(on_thread(1, 3, 1), 50);
  expect_ambiguous(story.call(on_thread(1, 4, 0)));
}

TEST(ThreadTraps, AThreadWithTwoRequestsAtOnceIsAmbiguousForGood) {
  ProcessStory story;
  const auto first = story.read(on_thread(1, 3, 1), 50);
  EXPECT_FALSE(story.work.multiplexes(1));
  const auto second = story.read(on_thread(1, 3, 2), 51);
  EXPECT_TRUE(story.work.multiplexes(1));
  expect_ambiguous(story.call(on_thread(1, 3, 2)));
  story.answer(first);
  story.answer(second);
  story.read(on_thread(1, 3, 3), 50);
  expect_ambiguous(story.call(on_thread(1, 3, 3)));
  EXPECT_FALSE(story.work.multiplexes(2));
}

// As threads of a pool do: one reads, any goes on.
TEST(ThreadTraps, AThreadThatLeavesARequestToAnotherMayGoOnWithTheirs) {
  ProcessStory story;
  const auto left = story.read(on_thread(1, 3, 1), 50);
  EXPECT_FALSE(story.work.multiplexes(1));
  story.answer(left, on_thread(2));
  EXPECT_TRUE(story.work.multiplexes(1));
  EXPECT_FALSE(story.work.multiplexes(2));
  story.read(on_thread(1, 3, 2), 50);
  expect_ambiguous(story.call(on_thread(1, 3, 2)));
}

TEST(ThreadTraps, WhoeverAnswersUnseenTellsNothingOfTheReader) {
  ProcessStory story;
  story.answer(story.read(on_thread(1, 3, 1), 50), {});
  EXPECT_FALSE(story.work.multiplexes(1));
}

TEST(ThreadTraps, ADescriptorThatAnotherProcessReadsToo) {
  ProcessStory story;
  const auto request = story.read(on_thread(1), 50);
  auto other = on_thread(900);
  other.pid = kPid + 1;
  story.work.received(request, other);
  expect_none(story.call(on_thread(900)));
  expect_found(story.call(on_thread(1)), request, ParentSource::kThread);
}

TEST(CallbackTraps, TwoRequestsOfOneTurnAreAmbiguous) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  story.read(on_thread(1, 5, 1), 50);
  story.read(on_thread(1, 5, 1), 50);  // pipelined in one receive
  expect_ambiguous(story.call(on_thread(1, 5, 1)));
}

TEST(CallbackTraps, AnotherThreadsTurnOfTheSameNumberIsNot) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  story.read(on_thread(1, 5, 1), 50);
  expect_ambiguous(story.call(on_thread(2, 5, 1)));
}

TEST(CallbackTraps, AnAnsweredRequestCausesNoMoreCalls) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  story.answer(story.read(on_thread(1, 5, 1), 50));
  EXPECT_EQ(story.call(on_thread(1, 5, 1)).request, nullptr);
}

TEST(CallbackTraps, AConnectionOpenedInNobodysTurnIsNotForWhoeverIsServedWhenItStands) {
  ProcessStory story;
  story.work.set_traits(kEventLoop);
  story.read(on_thread(1, 6, 1), 50);
  expect_ambiguous(story.first_call(on_thread(1, 6, 1), on_thread(1, 5, 0)));
}

TEST(Hostile, ExtremeNumbersAreOnlyNumbers) {
  ProcessStory story;
  story.work.set_traits(kPython);
  const connection::Actor huge{kPid, std::numeric_limits<uint32_t>::max(), kHuge, kHuge};
  const auto request = story.read(huge, kHuge, kHuge);
  story.work.task_started(huge, kHuge, kHuge, kHuge);  // its own parent
  expect_found(story.call(huge), request, ParentSource::kTask);
  story.work.task_started({kPid, 0, 0, 0}, 0, 0, 0);
  story.work.task_entered({kPid, 0, 0, 0});
  story.work.work_given(huge, 0);
  story.work.work_taken(0, 0);
  story.work.thread_started(huge, huge.tid);
  story.work.socket_claimed(huge, 0);
  story.answer(request);
  story.answer(request);  // twice
  EXPECT_EQ(story.work.find({huge, 1, huge, kHuge}).source, ParentSource::kTask);
}

// Two tasks that claim to come from each other.
TEST(Hostile, ALineageIsNoCircle) {
  ProcessStory story;
  for (int i = 0; i < 100; ++i) {
    story.copy(1, 2);
    story.copy(2, 1);
  }
  const auto request = story.read(in_task(1), 50);
  story.copy(1, 2);
  expect_found(story.call(in_task(2)), request, ParentSource::kTask);
}

}  // namespace
}  // namespace tacit::trace
