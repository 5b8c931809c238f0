// SPDX-License-Identifier: Apache-2.0
// Ids that were told to other hosts before a request was seen here: they hold, whatever is found.
#include "agent/trace/given_ids.h"

#include <gtest/gtest.h>

#include "agent/trace/correlator.h"

namespace tacit::trace {
namespace {

using connection::Role;
using Kind = GivenIds::Kind;

constexpr uint64_t kNow = 1'000'000'000'000;
constexpr uint64_t kLater = kNow + Correlator::kJoinNs;  // no other end comes any more

TraceContext ids(uint8_t trace, uint8_t span, uint8_t flags = 1) {
  TraceContext made;
  made.trace_id.fill(trace);
  made.span_id.fill(span);
  made.flags = flags;
  return made;
}

connection::Endpoints ends(Role role, uint16_t client_port) {
  connection::Endpoints made;
  made.family = connection::Family::kIpv4;
  made.role = role;
  auto& client = role == Role::kClient ? made.local : made.remote;
  auto& server = role == Role::kClient ? made.remote : made.local;
  client.bytes = {10, 0, 0, 1};
  client.port = client_port;
  server.bytes = {10, 0, 0, 2};
  server.port = 80;
  return made;
}

RequestKey key(uint16_t client_port, uint32_t position = 1) {
  return *RequestKey::make(ends(Role::kClient, client_port), 0, 0, position);
}

TEST(GivenIds, AreTakenOnceByKindAndRequest) {
  GivenIds given;
  given.add(Kind::kCall, key(1), ids(1, 2));
  EXPECT_FALSE(given.take(Kind::kArrived, key(1)));
  EXPECT_FALSE(given.take(Kind::kCall, key(2)));
  EXPECT_FALSE(given.take(Kind::kCall, key(1, 2)));
  ASSERT_TRUE(given.take(Kind::kCall, key(1)));
  EXPECT_FALSE(given.take(Kind::kCall, key(1)));
  EXPECT_EQ(given.size(), 0u);
}

TEST(GivenIds, TheOldestGoFirst) {
  GivenIds given;
  for (uint32_t i = 0; i <= GivenIds::kMaxRequests; ++i)
    given.add(Kind::kCall, key(1, i), ids(1, 2));
  EXPECT_EQ(given.size(), GivenIds::kMaxRequests);
  EXPECT_FALSE(given.take(Kind::kCall, key(1, 0)));
  EXPECT_TRUE(given.take(Kind::kCall, key(1, 1)));
}

class GivenPlaces : public ::testing::Test {
 protected:
  PlacePtr request(Role role, uint16_t port, const char* traceparent = "", uint32_t pid = 7) {
    protocol::HttpExchange made;
    made.role = role;
    made.traceparent = traceparent;
    made.request_begin = 1;
    made.request_actor = made.request_head_actor = {pid, pid, 0, 0};
    ends_.push_back(std::make_unique<connection::Endpoints>(ends(role, port)));
    const Route route{*ends_.back(), port, 0, kNow, {}};
    return role == Role::kServer ? correlator.served(made, route, keep, kNow)
                                 : correlator.sent(made, route, keep, kNow);
  }
  PlacePtr settled(PlacePtr place) {
    EXPECT_TRUE(correlator.settle(*place, kLater, true));
    return place;
  }

  Correlator correlator{IdGenerator(1)};
  const Sampler keep = *Sampler::create({"parentbased_always_on", 1.0});

 private:
  std::vector<std::unique_ptr<connection::Endpoints>> ends_;
};

TEST_F(GivenPlaces, ARootHasTheTraceThatWasBegunForIt) {
  correlator.give(Kind::kBegun, key(1), ids(5, 0));
  const PlacePtr served = settled(request(Role::kServer, 1));
  EXPECT_EQ(served->trace_id, ids(5, 0).trace_id);
  EXPECT_EQ(served->source, ParentSource::kNone);
}

TEST_F(GivenPlaces, AnArrivedContextIsTheRemoteParent) {
  correlator.give(Kind::kArrived, key(1), ids(5, 6));
  const PlacePtr served = settled(request(Role::kServer, 1));
  EXPECT_EQ(served->trace_id, ids(5, 6).trace_id);
  EXPECT_EQ(served->parent_span_id, ids(5, 6).span_id);
  EXPECT_EQ(served->source, ParentSource::kTcpOption);
  EXPECT_TRUE(served->parent_is_remote);
}

TEST_F(GivenPlaces, WhatArrivedForAnotherPositionIsNotTaken) {
  correlator.give(Kind::kArrived, key(1, 2), ids(5, 6));
  EXPECT_EQ(settled(request(Role::kServer, 1))->source, ParentSource::kNone);
}

TEST_F(GivenPlaces, AnUnsampledContextIsNotKept) {
  correlator.give(Kind::kArrived, key(1), ids(5, 6, 0));
  EXPECT_FALSE(settled(request(Role::kServer, 1))->kept);
}

TEST_F(GivenPlaces, AHeaderBeatsAnOption) {
  correlator.give(Kind::kArrived, key(1), ids(5, 6));
  const PlacePtr served = settled(request(
      Role::kServer, 1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_EQ(served->source, ParentSource::kTraceparent);
  EXPECT_EQ(served->trace_id[0], 0x4b);
}

TEST_F(GivenPlaces, TheOtherEndOnThisHostBeatsAnOption) {
  const PlacePtr call = request(Role::kClient, 1, "", 3);
  correlator.give(Kind::kArrived, key(1), ids(5, 6));
  const PlacePtr served = settled(request(Role::kServer, 1));
  EXPECT_EQ(served->source, ParentSource::kSocket);
  EXPECT_EQ(served->parent_span_id, call->span_id);
}

TEST_F(GivenPlaces, ACallHasTheIdsItWasSentWith) {
  correlator.give(Kind::kBegun, key(1), ids(5, 0));
  correlator.give(Kind::kCall, key(2), ids(5, 6));
  const PlacePtr served = request(Role::kServer, 1);
  const PlacePtr call = request(Role::kClient, 2);
  call->provisional = false;  // its thread waited for nothing else
  call->decided = true;
  settled(call);
  EXPECT_EQ(call->trace_id, ids(5, 6).trace_id);
  EXPECT_EQ(call->span_id, ids(5, 6).span_id);
  EXPECT_EQ(call->parent_span_id, served->span_id);
  EXPECT_EQ(call->source, ParentSource::kThread);
}

TEST_F(GivenPlaces, AParentInAnotherTraceIsNone) {
  correlator.give(Kind::kCall, key(2), ids(8, 6));
  const PlacePtr served = request(Role::kServer, 1);
  const PlacePtr call = request(Role::kClient, 2);
  call->provisional = false;
  call->decided = true;
  settled(call);
  EXPECT_EQ(call->trace_id, ids(8, 6).trace_id);
  EXPECT_EQ(call->parent_span_id, telemetry::SpanId{});
  EXPECT_EQ(call->source, ParentSource::kAmbiguous);
  EXPECT_NE(served->trace_id, call->trace_id);
}

TEST_F(GivenPlaces, ACallsOwnHeaderBeatsWhatItWasGiven) {
  correlator.give(Kind::kCall, key(2), ids(5, 6));
  const PlacePtr call = settled(request(
      Role::kClient, 2, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_EQ(call->source, ParentSource::kTraceparent);
  EXPECT_EQ(call->trace_id[0], 0x4b);
  EXPECT_NE(call->span_id, ids(5, 6).span_id);
}

TEST_F(GivenPlaces, AProgramsTraceIsFixedWhenAskedFor) {
  const PlacePtr program = correlator.program(std::nullopt, {}, keep, kNow);
  correlator.set_program(7, program);
  const auto trace = correlator.program_trace(7);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->flags, 1);
  EXPECT_EQ(settled(program)->trace_id, trace->trace_id);
  EXPECT_EQ(correlator.program_trace(7)->trace_id, trace->trace_id);
  EXPECT_FALSE(correlator.program_trace(8));
}

TEST_F(GivenPlaces, AProgramThatARequestStartedHasNoTraceYet) {
  const PlacePtr served = request(Role::kServer, 1);
  correlator.set_program(
      7, correlator.program(std::nullopt, {served, ParentSource::kThread}, keep, kNow));
  EXPECT_FALSE(correlator.program_trace(7));
}

}  // namespace
}  // namespace tacit::trace
