// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/correlator.h"

#include <gtest/gtest.h>

#include "tests/unit/trace/trace_samples.h"

namespace tacit::trace {
namespace {

using connection::Actor;
using connection::Role;

constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kUnsampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02";
constexpr telemetry::TraceId kTraceId = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
                                         0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
constexpr telemetry::SpanId kHeaderSpan = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};
constexpr telemetry::SpanId kNoSpan{};
constexpr uint64_t kNow = 1'000'000'000'000;
constexpr uint64_t kJoined = kNow + Correlator::kJoinNs;  // a call that was not seen will not come

Sampler sampler(const char* name) { return *Sampler::create({name, 1.0}); }

protocol::HttpExchange exchange(Role role, const Actor& actor, const char* traceparent = "") {
  protocol::HttpExchange made;
  made.role = role;
  made.traceparent = traceparent;
  made.request_actor = made.request_head_actor = actor;
  return made;
}

// Requests of processes of one host; each on a connection of its own unless it is said.
class CorrelatorTest : public ::testing::Test {
 protected:
  PlacePtr served(const Actor& actor, const char* traceparent = "", uint32_t position = 1) {
    return served_on(next_end(), actor, traceparent, position);
  }
  PlacePtr served_on(const connection::Endpoints& client, const Actor& actor,
                     const char* traceparent = "", uint32_t position = 1) {
    auto request = exchange(Role::kServer, actor, traceparent);
    request.request_begin = position;
    return correlator.served(request, {other_end(client), ++sockets_, 0, kNow, {}}, keep, kNow);
  }
  PlacePtr sent(const Actor& actor, const char* traceparent = "") {
    return sent_on(next_end(), actor, traceparent);
  }
  PlacePtr sent_on(const connection::Endpoints& client, const Actor& actor,
                   const char* traceparent = "", uint32_t position = 1) {
    auto request = exchange(Role::kClient, actor, traceparent);
    request.request_begin = position;
    return correlator.sent(request, {client, ++sockets_, 0, kNow, {}}, keep, kNow);
  }
  void over(const PlacePtr& place, const Actor& answer = {}) {
    auto done = exchange(Role::kServer, place->actor);
    done.response_actor = answer;
    correlator.over(place, done);
  }
  connection::Endpoints next_end() {
    return client_end({10, 0, 0, 1}, ++port_, {10, 0, 0, 2}, 80);
  }
  void expect_child(const PlacePtr& child, const PlacePtr& parent, ParentSource source) {
    ASSERT_TRUE(child->settled && parent->settled);
    EXPECT_EQ(child->parent_span_id, parent->span_id);
    EXPECT_NE(child->parent_span_id, kNoSpan);
    EXPECT_EQ(child->trace_id, parent->trace_id);
    EXPECT_STREQ(name_of(child->source), name_of(source));
    EXPECT_FALSE(child->parent_is_remote);
  }
  void expect_root(const PlacePtr& place, ParentSource source) {
    ASSERT_TRUE(place->settled);
    EXPECT_EQ(place->parent_span_id, kNoSpan);
    EXPECT_STREQ(name_of(place->source), name_of(source));
  }

  Correlator correlator{IdGenerator(1)};
  Sampler keep = sampler("parentbased_always_on");
  uint16_t port_ = 40000;
  uint64_t sockets_ = 500;
};

TEST_F(CorrelatorTest, AServerContinuesTheTraceOfItsHeader) {
  const auto place = served(on_thread(1), kSampled);
  EXPECT_FALSE(correlator.settle(*place, kJoined - 1));  // whoever sent it may still be told of
  ASSERT_TRUE(correlator.settle(*place, kJoined));
  telemetry::Span span;
  span.trace_state = "vendor=1";
  Correlator::apply(*place, span);
  EXPECT_EQ(span.trace_id, kTraceId);
  EXPECT_EQ(span.parent_span_id, kHeaderSpan);
  EXPECT_NE(span.span_id, kNoSpan);
  EXPECT_NE(span.span_id, kHeaderSpan);
  EXPECT_TRUE(span.parent_is_remote);
  EXPECT_EQ(span.trace_flags, 1);
  EXPECT_EQ(span.trace_state, "vendor=1");
  ASSERT_EQ(span.attributes.size(), 1u);
  EXPECT_EQ(span.attributes[0].key, "tacit.parent.source");
  EXPECT_EQ(std::get<std::string>(span.attributes[0].value), "traceparent");
}

// It may be an SDK's, which would make this span itself.
TEST_F(CorrelatorTest, AClientJoinsTheSpanOfItsOwnHeaderOnceNoSdkExports) {
  const auto place = sent(on_thread(1), kSampled);
  EXPECT_FALSE(correlator.settle(*place, kNow + SdkPresence::kDoubtNs - 1));
  ASSERT_TRUE(correlator.settle(*place, kNow + SdkPresence::kDoubtNs));
  EXPECT_TRUE(place->kept);
  EXPECT_EQ(place->trace_id, kTraceId);
  EXPECT_EQ(place->parent_span_id, kHeaderSpan);
  EXPECT_FALSE(place->parent_is_remote);
}

TEST_F(CorrelatorTest, WithoutAHeaderOrACauseEachSpanIsARoot) {
  const auto first = served(on_thread(1));
  const auto second = served(on_thread(2), "garbage");
  ASSERT_TRUE(correlator.settle(*first, kJoined));
  ASSERT_TRUE(correlator.settle(*second, kJoined));
  expect_root(first, ParentSource::kNone);
  expect_root(second, ParentSource::kNone);
  EXPECT_NE(first->trace_id, second->trace_id);
  EXPECT_EQ(first->trace_flags, 1);
  telemetry::Span span;
  span.trace_state = "vendor=1";
  Correlator::apply(*first, span);
  EXPECT_EQ(span.trace_state, "");  // tracestate without traceparent means nothing
  EXPECT_TRUE(span.attributes.empty());
}

TEST_F(CorrelatorTest, BothEndsOfAConnectionAreOneTrace) {
  const auto end = next_end();
  const auto call = sent_on(end, on_thread(1));
  auto server = on_thread(2);
  server.pid = kPid + 1;
  const auto request = served_on(end, server);
  ASSERT_TRUE(correlator.settle(*request, kNow));  // the call is known: nothing to wait for
  expect_child(request, call, ParentSource::kSocket);
}

TEST_F(CorrelatorTest, TheServersEndMayBeSeenFirst) {
  const auto end = next_end();
  auto server = on_thread(2);
  server.pid = kPid + 1;
  const auto request = served_on(end, server);
  EXPECT_FALSE(correlator.settle(*request, kNow));
  const auto call = sent_on(end, on_thread(1));
  ASSERT_TRUE(correlator.settle(*request, kNow));
  expect_child(request, call, ParentSource::kSocket);
}

TEST_F(CorrelatorTest, PipelinedRequestsAreJoinedEachToItsOwn) {
  const auto end = next_end();
  auto server = on_thread(2);
  server.pid = kPid + 1;
  const auto first = sent_on(end, on_thread(1), "", 1);
  const auto second = sent_on(end, on_thread(1), "", 100);
  const auto request2 = served_on(end, server, "", 100);
  const auto request1 = served_on(end, server, "", 1);
  ASSERT_TRUE(correlator.settle(*request1, kNow));
  ASSERT_TRUE(correlator.settle(*request2, kNow));
  expect_child(request1, first, ParentSource::kSocket);
  expect_child(request2, second, ParentSource::kSocket);
}

// An SDK's own spans lie between the two ends.
TEST_F(CorrelatorTest, AHeaderOfTheCallersOwnWinsOverTheConnection) {
  const auto end = next_end();
  sent_on(end, on_thread(1), kSampled);
  auto server = on_thread(2);
  server.pid = kPid + 1;
  const auto request = served_on(end, server, kSampled);
  ASSERT_TRUE(correlator.settle(*request, kNow));
  EXPECT_EQ(request->source, ParentSource::kTraceparent);
  EXPECT_EQ(request->parent_span_id, kHeaderSpan);
}

// A proxy that passes the header on is itself what lies between.
TEST_F(CorrelatorTest, AHeaderThatWasPassedOnDoesNotSkipTheProxy) {
  const auto incoming = served(on_thread(1), kSampled);
  const auto end = next_end();
  const auto outgoing = sent_on(end, on_thread(1), kSampled);
  const auto behind = served_on(end, on_thread(9), kSampled);
  over(outgoing, on_thread(1));
  over(incoming, on_thread(1));
  ASSERT_TRUE(correlator.settle(*behind, kJoined));
  EXPECT_EQ(incoming->parent_span_id, kHeaderSpan);
  expect_child(outgoing, incoming, ParentSource::kThread);
  expect_child(behind, outgoing, ParentSource::kSocket);
}

// What the kernel side put into the request names the call itself; a proxy there may pass it on.
TEST_F(CorrelatorTest, AHeaderThatWasPutInIsTheConnections) {
  const auto end = next_end(), next = next_end();
  correlator.give(GivenIds::Kind::kCall, *RequestKey::make(end, 0, 0, 1),
                  *parse_traceparent(kSampled));
  const auto call = sent_on(end, on_thread(1));
  auto proxy = on_thread(2);
  proxy.pid = kPid + 1;
  const auto request = served_on(end, proxy, kSampled);
  ASSERT_TRUE(correlator.settle(*request, kNow));
  expect_child(request, call, ParentSource::kSocket);
  EXPECT_EQ(call->span_id, kHeaderSpan);

  const auto outgoing = sent_on(next, proxy, kSampled);
  const auto behind = served_on(next, on_thread(9), kSampled);
  over(outgoing, proxy);
  over(request, proxy);
  ASSERT_TRUE(correlator.settle(*behind, kJoined));
  expect_child(outgoing, request, ParentSource::kThread);
  expect_child(behind, outgoing, ParentSource::kSocket);
}

TEST_F(CorrelatorTest, AThreadsCallIsItsRequestsOnceBothWereAnsweredInOneGo) {
  const auto request = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  EXPECT_FALSE(correlator.settle(*call, kNow));
  over(call, on_thread(1, 3, 2));
  EXPECT_FALSE(correlator.settle(*call, kNow));
  over(request, on_thread(1, 3, 2));
  ASSERT_TRUE(correlator.settle(*call, kJoined));
  expect_child(call, request, ParentSource::kThread);
}

TEST_F(CorrelatorTest, AnAnswerThatAnotherThreadReadsRevokes) {
  const auto request = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  over(call, on_thread(2, 3, 1));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(call, ParentSource::kAmbiguous);
}

TEST_F(CorrelatorTest, AnAnswerThatIsReadAfterAWaitRevokes) {
  const auto request = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  over(call, on_thread(1, 4, 1));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(call, ParentSource::kAmbiguous);
}

// The thread left the request to others (an asynchronous handler) and works for another one.
TEST_F(CorrelatorTest, ARequestThatAnotherThreadAnswersRevokes) {
  const auto request = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  over(call, on_thread(1, 3, 2));
  over(request, on_thread(2, 0, 1));
  ASSERT_TRUE(correlator.settle(*call, kJoined));
  expect_root(call, ParentSource::kAmbiguous);
}

TEST_F(CorrelatorTest, AThreadThatTurnsOutToServeSeveralAtOnceRevokes) {
  const auto request = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  served(on_thread(1, 3, 2));
  over(call, on_thread(1, 3, 2));
  over(request, on_thread(1, 3, 2));
  ASSERT_TRUE(correlator.settle(*call, kJoined));
  expect_root(call, ParentSource::kAmbiguous);
}

// The call of a thread that a request's thread started.
class StartedThreadTest : public CorrelatorTest {
 protected:
  StartedThreadTest() {
    work().set_traits({.threads_started_for_work = true});
    request = served(on_thread(1));
    work().thread_started(on_thread(1), 40);
    call = sent(on_thread(40));
    over(request, on_thread(1));
    correlator.settle(*request, kJoined);
  }
  ProcessWork& work() { return correlator.work(on_thread(1).pid); }
  static constexpr uint64_t kEnd = kJoined + 1000;
  PlacePtr request, call;
};

TEST_F(StartedThreadTest, IsBelievedOnceItEndedAndItsProcessWentOn) {
  EXPECT_FALSE(correlator.settle(*call, kEnd));
  work().thread_ended(40, kEnd);
  EXPECT_FALSE(correlator.settle(*call, kEnd + ThreadLife::kGoesOnNs - 1));
  ASSERT_TRUE(correlator.settle(*call, kEnd + ThreadLife::kGoesOnNs));
  expect_child(call, request, ParentSource::kThreadStart);
}

TEST_F(StartedThreadTest, IsNotBelievedWhereItEndsWithItsProcess) {
  work().thread_ended(40, kEnd);
  correlator.forget_process(on_thread(1).pid, kEnd + 1000);
  ASSERT_TRUE(correlator.settle(*call, kEnd + 1000));
  expect_root(call, ParentSource::kAmbiguous);
}

TEST_F(StartedThreadTest, IsNotBelievedWhereItLivesOn) {
  EXPECT_FALSE(correlator.settle(*call, kNow + Correlator::kProofNs - 1));
  ASSERT_TRUE(correlator.settle(*call, kNow + Correlator::kProofNs));
  expect_root(call, ParentSource::kAmbiguous);
}

TEST_F(CorrelatorTest, ACallWithoutAnAnswerIsProvenByItsRequestsEnd) {
  const auto proven = served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 3, 1));
  over(call);
  EXPECT_FALSE(correlator.settle(*call, kNow));
  over(proven, on_thread(1, 3, 1));
  ASSERT_TRUE(correlator.settle(*call, kJoined));
  expect_child(call, proven, ParentSource::kThread);

  const auto left = served(on_thread(2, 3, 1));
  const auto other = sent(on_thread(2, 3, 1));
  over(other);
  over(left, on_thread(2, 4, 0));
  ASSERT_TRUE(correlator.settle(*other, kNow));
  expect_root(other, ParentSource::kAmbiguous);
}

// What cannot be awaited any longer holds where the thread never waits for many things at all.
TEST_F(CorrelatorTest, LongRequestsAreNotAwaitedForEver) {
  served(on_thread(1));
  const auto call = sent(on_thread(1));
  EXPECT_FALSE(correlator.settle(*call, kNow + Correlator::kProofNs - 1));
  ASSERT_TRUE(correlator.settle(*call, kNow + Correlator::kProofNs));
  EXPECT_EQ(call->source, ParentSource::kThread);

  served(on_thread(2, 3, 1));
  const auto other = sent(on_thread(2, 3, 1));
  ASSERT_TRUE(correlator.settle(*other, kNow + Correlator::kProofNs));
  expect_root(other, ParentSource::kAmbiguous);
}

TEST_F(CorrelatorTest, AFailedConnectIsACallToo) {
  const auto request = served(in_task(7));
  const auto connect = correlator.failed(in_task(7), keep, kNow);
  ASSERT_TRUE(correlator.settle(*connect, kJoined));
  expect_child(connect, request, ParentSource::kTask);
}

TEST_F(CorrelatorTest, CallsWithoutAnotherParentAreTheirPrograms) {
  const auto program = correlator.program({}, {}, keep, kNow);
  correlator.set_program(kPid, program);
  EXPECT_FALSE(program->is_parent);
  const auto call = sent(on_thread(1));
  EXPECT_TRUE(program->is_parent);
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_child(call, program, ParentSource::kProcess);
  expect_root(program, ParentSource::kNone);

  auto stranger = on_thread(1);
  stranger.pid = kPid + 1;
  const auto other = sent(stranger);
  ASSERT_TRUE(correlator.settle(*other, kNow));
  expect_root(other, ParentSource::kNone);

  correlator.set_program(kPid, nullptr);
  const auto later = sent(on_thread(1));
  ASSERT_TRUE(correlator.settle(*later, kNow));
  expect_root(later, ParentSource::kNone);
}

// Where a request may have caused it the program did not, as far as anybody knows.
TEST_F(CorrelatorTest, AnAmbiguousCallIsNotTheProgramsEither) {
  correlator.set_program(kPid, correlator.program({}, {}, keep, kNow));
  served(on_thread(1, 3, 1));
  const auto call = sent(on_thread(1, 4, 1));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(call, ParentSource::kAmbiguous);
}

TEST_F(CorrelatorTest, AProgramIsItsEnvironmentsOrItsStartersChild) {
  const auto request = served(in_task(7));
  const Finding starter{request, ParentSource::kTask};
  const auto by_environment =
      correlator.program(parse_traceparent(kSampled), starter, keep, kNow);
  const auto by_request = correlator.program({}, starter, keep, kNow);
  ASSERT_TRUE(correlator.settle(*by_environment, kNow));
  EXPECT_EQ(by_environment->parent_span_id, kHeaderSpan);
  EXPECT_EQ(by_environment->trace_id, kTraceId);
  EXPECT_EQ(by_environment->source, ParentSource::kEnvironment);
  EXPECT_TRUE(by_environment->parent_is_remote);
  ASSERT_TRUE(correlator.settle(*by_request, kJoined));
  expect_child(by_request, request, ParentSource::kTask);
}

TEST_F(CorrelatorTest, WhatAProcessDidIsForgottenWithIt) {
  served(in_task(7));
  correlator.forget_process(kPid, 1);
  const auto call = sent(in_task(7));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(call, ParentSource::kNone);
}

TEST_F(CorrelatorTest, LostTaskEventsAreForgottenInEveryProcess) {
  const auto request = served(in_task(7));
  correlator.forget_tasks();
  const auto call = sent(in_task(7));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(call, ParentSource::kNone);
}

TEST_F(CorrelatorTest, TheParentsDecisionIsTheTraces) {
  keep = sampler("parentbased_always_off");
  const auto request = served(in_task(7));
  keep = sampler("parentbased_always_on");
  const auto off = sampler("parentbased_always_off");
  request->sampler = &off;
  const auto call = sent(in_task(7));
  ASSERT_TRUE(correlator.settle(*call, kJoined));
  EXPECT_FALSE(request->kept);
  EXPECT_FALSE(call->kept);
  EXPECT_EQ(call->trace_id, request->trace_id);
  EXPECT_EQ(call->trace_flags, 0);
}

TEST_F(CorrelatorTest, TheHeadersDecisionIsRespected) {
  const auto dropped = served(on_thread(1), kUnsampled);
  ASSERT_TRUE(correlator.settle(*dropped, kJoined));
  EXPECT_FALSE(dropped->kept);
  EXPECT_EQ(dropped->trace_flags, 2);  // other flags pass
  keep = sampler("always_on");
  const auto kept = served(on_thread(2), kUnsampled);
  ASSERT_TRUE(correlator.settle(*kept, kJoined));
  EXPECT_TRUE(kept->kept);
  EXPECT_EQ(kept->trace_flags, 3);
}

// Its own spans are there already; what it knows nothing of is not.
TEST_F(CorrelatorTest, WhatAnSdkInsideMakesIsLeftToIt) {
  const auto request = served(in_task(7));
  const auto with_context = sent(in_task(7), kSampled);
  const auto without = sent(in_task(7));
  auto telemetry = exchange(Role::kClient, in_task(1));
  telemetry.method = "POST";
  telemetry.target = "/v1/traces";
  const auto export_of_spans =
      correlator.sent(telemetry, {next_end(), 900, 0, kNow, {}}, keep, kNow);
  for (const auto& place : {request, with_context, without, export_of_spans})
    ASSERT_TRUE(correlator.settle(*place, kJoined));
  EXPECT_FALSE(request->kept);
  EXPECT_FALSE(with_context->kept);
  EXPECT_FALSE(export_of_spans->kept);
  EXPECT_TRUE(without->kept);
  expect_root(without, ParentSource::kNone);  // never the child of a span that nobody exports

  auto other = on_thread(1);
  other.pid = kPid + 1;
  const auto elsewhere = served(other);
  ASSERT_TRUE(correlator.settle(*elsewhere, kJoined));
  EXPECT_TRUE(elsewhere->kept);
}

TEST_F(CorrelatorTest, EachSettledPlaceIsCountedOnce) {
  const auto end = next_end();
  const auto call = sent_on(end, on_thread(1));
  auto server = on_thread(2);
  server.pid = kPid + 1;
  const auto request = served_on(end, server);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(correlator.settle(*request, kNow));
    EXPECT_TRUE(correlator.settle(*call, kNow));
  }
  const auto& counts = correlator.counts();
  uint64_t total = 0;
  for (const auto& kind : counts)
    for (const uint64_t count : kind) total += count;
  EXPECT_EQ(total, 2u);
  EXPECT_EQ(counts[static_cast<size_t>(Place::Kind::kServer)]
                  [static_cast<size_t>(ParentSource::kSocket)], 1u);
  EXPECT_EQ(counts[static_cast<size_t>(Place::Kind::kCall)]
                  [static_cast<size_t>(ParentSource::kNone)], 1u);
}

// Records in a wrong order or hostile ones: a request made for the one that it is the other end of.
TEST_F(CorrelatorTest, NothingIsItsOwnAncestor) {
  const auto end = next_end();
  const auto request = served_on(end, in_task(7));
  const auto call = sent_on(end, in_task(7));
  ASSERT_TRUE(correlator.settle(*request, kNow));
  ASSERT_TRUE(correlator.settle(*call, kNow));
  expect_root(request, ParentSource::kNone);
  expect_child(call, request, ParentSource::kTask);
}

TEST_F(CorrelatorTest, AChainThatNeverEndsIsCut) {
  PlacePtr last;
  for (uint64_t i = 0; i < 5000; ++i) {
    const auto end = next_end();
    if (last) sent_on(end, in_task(i));
    last = served_on(end, in_task(i + 1));
  }
  ASSERT_TRUE(correlator.settle(*last, kJoined, true));
  EXPECT_EQ(last->source, ParentSource::kSocket);
}

}  // namespace
}  // namespace tacit::trace
