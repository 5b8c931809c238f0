// SPDX-License-Identifier: Apache-2.0
// One process's life, told event by event, for tests of ProcessWork.
#pragma once
#include <gtest/gtest.h>

#include "agent/trace/process_work.h"
#include "tests/unit/trace/trace_samples.h"

namespace tacit::trace {

inline constexpr uint64_t kAccepted = 1000;  // when connections are accepted, unless it is said

class ProcessStory {
 public:
  // A request's head is read.
  PlacePtr read(const connection::Actor& actor, uint64_t socket, uint64_t accepted_ns = kAccepted) {
    auto request = std::make_shared<Place>();
    request->actor = actor;
    request->socket_id = socket;
    work.served(request, accepted_ns);
    return request;
  }
  void answer(const PlacePtr& request) { answer(request, request->actor); }
  void answer(const PlacePtr& request, const connection::Actor& by) {
    request->open = false;
    work.answered(request, by);
  }
  // `child` is a copy of `parent`, made on this thread.
  void copy(uint64_t parent, uint64_t child, const connection::Actor& on, uint64_t now_ns = 0) {
    connection::Actor by = on;
    by.task = parent;
    work.task_started(by, parent, child, now_ns != 0 ? now_ns : ++clock_ns_);
  }
  void copy(uint64_t parent, uint64_t child) { copy(parent, child, on_thread(1)); }

  // Whom a call on a connection that is kept would be made for.
  Finding call(const connection::Actor& actor, uint64_t socket = 999) {
    return work.find({actor, socket, {}, 0});
  }
  // The first request on a connection that `opener` made.
  Finding first_call(const connection::Actor& actor, const connection::Actor& opener,
                     uint64_t socket = 999) {
    return work.find({actor, socket, opener, ++clock_ns_});
  }

  ProcessWork work;

 private:
  uint64_t clock_ns_ = 10'000;
};

inline void expect_found(const Finding& found, const PlacePtr& request, ParentSource source) {
  EXPECT_EQ(found.request, request);
  EXPECT_STREQ(name_of(found.source), name_of(source));
}
inline void expect_none(const Finding& found) { expect_found(found, nullptr, ParentSource::kNone); }
inline void expect_ambiguous(const Finding& found) {
  expect_found(found, nullptr, ParentSource::kAmbiguous);
}

}  // namespace tacit::trace
