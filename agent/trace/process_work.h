// SPDX-License-Identifier: Apache-2.0
// Inside one process: which served request a call is made for. Each way to tell is a rule with a
// name (parent_source.h); a rule that could be wrong says nothing. README.md of this room has the
// rules in words. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/trace/place.h"
#include "agent/trace/recent_map.h"

namespace tacit::trace {

// What is known of the program, and decides which rules can be trusted.
struct ProgramTraits {
  // Its event loop makes a call in the same turn in which it read the request (nginx, Node).
  bool calls_in_turn = false;
  // A thread that was started while a request was served works for that request, unless it takes
  // work from a queue (Python; elsewhere pools start their threads in the same way).
  bool threads_started_for_work = false;
  // Its tasks move between threads (Go): no thread tells anything, and a task that was started for a
  // request may be kept for others' work.
  bool tasks_move = false;
};

struct Caller {
  connection::Actor actor;  // who wrote the request's first byte
  uint64_t socket_id = 0;
  // Who made the connection, where this is the first request on it.
  connection::Actor opener;
  uint64_t opened_ns = 0;
};

struct Finding {
  PlacePtr request;  // null: none
  ParentSource source = ParentSource::kNone;
  std::shared_ptr<const ThreadLife> proof = {};  // kThreadStart: holds once that thread ended
};

class ProcessWork {
 public:
  void set_traits(ProgramTraits traits) { traits_ = traits; }
  bool has_traits() const { return traits_.has_value(); }

  // A request's head was read by request->actor, on a connection accepted at `accepted_ns` (0: not
  // seen).
  void served(const PlacePtr& request, uint64_t accepted_ns);
  // More of it was read.
  void received(const PlacePtr& request, const connection::Actor& actor);
  // (Part of) the answer to a call was read.
  void answer_read(const PlacePtr& call, const connection::Actor& actor);
  // Its exchange is over; `by` wrote the answer (tid 0: nobody was seen to).
  void answered(const PlacePtr& request, const connection::Actor& by);

  void thread_started(const connection::Actor& by, uint32_t tid);
  void thread_ended(uint32_t tid, uint64_t now_ns);
  // The whole process did.
  void ended(uint64_t now_ns);
  // `parent` 0: started by the thread outside of any task.
  void task_started(const connection::Actor& by, uint64_t parent, uint64_t child, uint64_t now_ns);
  void task_entered(const connection::Actor& actor);
  void work_given(const connection::Actor& by, uint64_t work);
  void work_taken(uint32_t tid, uint64_t work);
  void socket_claimed(const connection::Actor& by, uint64_t socket_id);
  // Events were lost: what is known of tasks and work may be stale.
  void forget_tasks();

  // Rules kClaim, kTask, kWork, kThread (to be confirmed), kThreadStart, kCallback.
  Finding find(const Caller& caller);
  // Whom a process or thread works for that `by` starts.
  Finding started_by(const connection::Actor& by) {
    Finding found = of_actor(by);
    return found.source == ParentSource::kThreadStart ? Finding{} : found;
  }
  // True: the thread had several requests open at once, or left one for another thread to answer, so
  // it does not serve one after the other.
  bool multiplexes(uint32_t tid);

 private:
  struct Thread {
    PlacePtr serving;       // the request that it read last
    PlacePtr works_for;     // of the work it took last
    PlacePtr started_for;
    std::shared_ptr<ThreadLife> life;  // with started_for
    PlacePtr read_outside;  // read outside of any task, by a runtime that enters one for it
    bool takes_work = false;
    bool multiplexes = false;
  };
  // A task's identity, which outlives its number: numbers are used again while those it started
  // still run. A chain to what it came from, kMaxAncestors long.
  struct Lineage {
    uint64_t born_ns = 0;
    uint64_t connection = 0;  // it serves what is open there
    bool shared = false;      // several connections read in it
    bool hands_down = false;  // it is younger than its connection, and so is what it started
    std::shared_ptr<Lineage> parent;
  };
  struct Task {
    PlacePtr serves;
    bool called = false;      // made a call for what it was started for
    bool is_handler = false;  // started by who read the request: for that alone, also when it is over
    uint64_t serves_in_turn = 0;  // 0: always; else what is started in another turn has other causes
    std::shared_ptr<Lineage> lineage = std::make_shared<Lineage>();
  };

  void note_read(const PlacePtr& request);
  PlacePtr front(uint64_t socket_id) const;
  Finding of_task(uint64_t task, uint64_t turn);
  Finding of_calling_task(const connection::Actor& actor);
  Finding of_connection(uint64_t socket_id) const;
  Finding of_thread(const connection::Actor& actor);
  Finding in_turn(const Caller& caller);
  Finding of_actor(const connection::Actor& actor);
  PlacePtr for_sure(const connection::Actor& by);
  bool runs_known_task(const connection::Actor& actor);
  void belongs_to(uint64_t task, const PlacePtr& request, uint64_t accepted_ns);
  Thread& thread(uint32_t tid);

  std::optional<ProgramTraits> traits_;  // none: trusts no rule that needs one
  RecentMap<uint32_t, Thread> threads_{4096};
  // Requests by the turn in which they, or more of them, were read; where calls_in_turn.
  struct Read {
    uint32_t tid = 0;
    uint64_t turn = 0;
    bool operator==(const Read&) const = default;
  };
  struct ReadHash {
    size_t operator()(const Read& read) const {
      return std::hash<uint64_t>{}(read.turn * 0x9E3779B97F4A7C15ULL ^ read.tid);
    }
  };
  RecentMap<Read, PlacePtr, ReadHash> reads_{4096};
  RecentMap<Read, PlacePtr, ReadHash> answers_{4096};  // whom the answered call was made for
  size_t open_requests_ = 0;
  std::deque<std::shared_ptr<ThreadLife>> ended_;  // threads, of the last ThreadLife::kGoesOnNs
  RecentMap<uint64_t, Task> tasks_{32768};
  RecentMap<uint64_t, PlacePtr> works_{16384};
  RecentMap<uint64_t, PlacePtr> claims_{4096};  // by socket; null: claimed for no request
  std::unordered_map<uint64_t, std::vector<PlacePtr>> open_;  // requests by connection, oldest first
};

}  // namespace tacit::trace
