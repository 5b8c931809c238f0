// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/process_work.h"

#include <algorithm>
#include <utility>

namespace tacit::trace {
namespace {

using connection::Actor;

constexpr int kMaxAncestors = 8;

bool never_waited_since(const Place& request, const Actor& actor) {
  return request.open && request.actor.tid == actor.tid && request.actor.waits() == actor.waits();
}

}  // namespace

ProcessWork::Thread& ProcessWork::thread(uint32_t tid) {
  if (Thread* known = threads_.find(tid)) return *known;
  return threads_.insert(tid, {});
}

bool ProcessWork::multiplexes(uint32_t tid) {
  const Thread* known = threads_.find(tid);
  return known != nullptr && known->multiplexes;
}

void ProcessWork::served(const PlacePtr& request, uint64_t accepted_ns) {
  auto& open = open_[request->socket_id];
  open.push_back(request);
  ++open_requests_;
  if (open.size() > 1)
    for (const PlacePtr& each : open) each->pipelined = true;

  const Actor& actor = request->actor;
  Thread& reader = thread(actor.tid);
  if (reader.serving && reader.serving->open && reader.serving->actor.tid == actor.tid &&
      reader.serving->socket_id != request->socket_id)
    reader.multiplexes = true;
  reader.serving = request;
  reader.works_for = nullptr;
  reader.read_outside = actor.task == 0 ? request : nullptr;
  if (actor.task != 0) belongs_to(actor.task, request, accepted_ns);
  note_read(request);
}

void ProcessWork::answer_read(const PlacePtr& call, const Actor& actor) {
  if (traits_ && traits_->calls_in_turn && call->made_for)
    answers_.insert({actor.tid, actor.turn}, call->made_for);
}

void ProcessWork::note_read(const PlacePtr& request) {
  if (!traits_ || !traits_->calls_in_turn) return;
  const Read turn{request->actor.tid, request->actor.turn};
  PlacePtr* known = reads_.find(turn);
  if (known == nullptr)
    reads_.insert(turn, request);
  else if (*known != request)
    *known = nullptr;  // two came at once
}

// The task that read a request works for its connection, and so do the tasks it came from, as far
// back as the connection was accepted (a server may read and serve in two tasks of one origin).
void ProcessWork::belongs_to(uint64_t task, const PlacePtr& request, uint64_t accepted_ns) {
  Task* reader = tasks_.find(task);
  if (reader == nullptr) reader = &tasks_.insert(task, {});
  Lineage& own = *reader->lineage;
  const uint64_t before = std::exchange(own.connection, request->socket_id);
  if (before != 0 && before != request->socket_id && front(before)) own.shared = true;
  reader->serves = request;
  reader->serves_in_turn = 0;
  // What came from it before the connection was there has other causes.
  own.hands_down = accepted_ns != 0 && own.born_ns >= accepted_ns;
  if (accepted_ns == 0) return;
  for (Lineage* each = own.parent.get(); each != nullptr && each->born_ns >= accepted_ns;
       each = each->parent.get()) {
    if (each->connection != 0 && each->connection != request->socket_id) each->shared = true;
    each->connection = request->socket_id;
    each->hands_down = true;
  }
}

void ProcessWork::received(const PlacePtr& request, const Actor& actor) {
  if (actor.pid != request->actor.pid) return;  // its descriptor is another process's, too
  const uint64_t task = request->actor.task;
  request->actor = actor;
  if (actor.task == 0) request->actor.task = task;  // it was entered for the request
  thread(actor.tid).serving = request;
  note_read(request);
}

void ProcessWork::answered(const PlacePtr& request, const Actor& by) {
  // What it does next may be what others left.
  if (by.tid != 0 && by.pid == request->actor.pid && by.tid != request->actor.tid)
    thread(request->actor.tid).multiplexes = true;
  const auto found = open_.find(request->socket_id);
  if (found == open_.end()) return;
  open_requests_ -= std::erase(found->second, request);
  if (found->second.empty()) open_.erase(found);
}

PlacePtr ProcessWork::front(uint64_t socket_id) const {
  const auto found = open_.find(socket_id);
  if (found == open_.end()) return nullptr;
  const auto& requests = found->second;
  const auto first = std::find_if(requests.begin(), requests.end(),
                                  [](const PlacePtr& request) { return request->open; });
  return first == requests.end() ? nullptr : *first;
}

Finding ProcessWork::of_connection(uint64_t socket_id) const {
  PlacePtr request = front(socket_id);
  if (!request) return {};
  return {std::move(request), ParentSource::kTask};
}

// What a task works for: what it was started for, or what its connection is being asked.
Finding ProcessWork::of_task(uint64_t task, uint64_t turn) {
  Task* known = tasks_.find(task);
  if (known == nullptr) return {};
  if (known->lineage->shared) return {nullptr, ParentSource::kAmbiguous};
  if (known->lineage->connection != 0) return of_connection(known->lineage->connection);
  if (known->serves) {
    if (known->serves_in_turn != 0 && known->serves_in_turn != turn) return {};
    const PlacePtr& request = known->serves;
    if (request->pipelined && !(request->open && front(request->socket_id) == request))
      return {nullptr, ParentSource::kAmbiguous};
    return {request, ParentSource::kTask};
  }
  for (const Lineage* each = known->lineage->parent.get(); each != nullptr;
       each = each->parent.get()) {
    if (each->connection == 0 || !each->hands_down) continue;
    if (each->shared) return {nullptr, ParentSource::kAmbiguous};
    return of_connection(each->connection);
  }
  return {};
}

// One thread that read a request and has not waited for anything else since.
Finding ProcessWork::of_thread(const Actor& actor) {
  Thread* known = threads_.find(actor.tid);
  if (known == nullptr) return {};
  if (known->serving && known->serving->open) {
    if (known->serving->actor.task != actor.task) return {};  // the thread went on to another task
    PlacePtr request = front(known->serving->socket_id);
    if (request && !known->multiplexes && never_waited_since(*known->serving, actor))
      return {std::move(request), ParentSource::kThread};
    return {nullptr, ParentSource::kAmbiguous};
  }
  if (known->takes_work) {
    if (!known->works_for) return {};
    return {known->works_for, ParentSource::kWork};
  }
  const bool trusted = traits_ && traits_->threads_started_for_work;
  if (trusted && actor.task == 0 && !known->serving && known->started_for)
    return {known->started_for, ParentSource::kThreadStart, known->life};
  return {};
}

// What a loop does before it is given anything else is for the request that it was given. A
// connection's first request is its opener's, as it is written when the connection stands.
Finding ProcessWork::in_turn(const Caller& caller) {
  const Actor& actor = caller.opener.tid != 0 ? caller.opener : caller.actor;
  if (const PlacePtr* read = reads_.find({actor.tid, actor.turn})) {
    if (*read && (*read)->open && !(*read)->pipelined) return {*read, ParentSource::kCallback};
    return {nullptr, ParentSource::kAmbiguous};
  }
  // After an answer a loop may also go on with what waited for the connection, or for its turn:
  // only where nothing else is being served there is nothing else to go on with.
  if (const PlacePtr* answered = answers_.find({actor.tid, actor.turn});
      answered != nullptr && (*answered)->open && open_requests_ == 1)
    return {*answered, ParentSource::kCallback};
  return {nullptr, open_.empty() ? ParentSource::kNone : ParentSource::kAmbiguous};
}

// What the runtime says of its tasks holds, also where it says that one works for nobody.
bool ProcessWork::runs_known_task(const Actor& actor) {
  return actor.task != 0 && tasks_.find(actor.task) != nullptr;
}

// For whom a task makes a call. One that outlives its request and had called before may by now work
// for another: pools start their workers when they are first needed.
Finding ProcessWork::of_calling_task(const Actor& actor) {
  Finding found = of_task(actor.task, actor.turn);
  Task* task = tasks_.find(actor.task);
  if (!found.request || task->lineage->connection != 0 || task->is_handler) return found;
  if (!found.request->open && task->called) return {nullptr, ParentSource::kAmbiguous};
  const bool believed_once = traits_ && traits_->tasks_move;
  task->called |= found.request->open || believed_once;
  return found;
}

Finding ProcessWork::of_actor(const Actor& actor) {
  if (runs_known_task(actor)) return of_task(actor.task, actor.turn);
  if (traits_ && traits_->tasks_move) return {};
  return of_thread(actor);
}

Finding ProcessWork::find(const Caller& caller) {
  if (PlacePtr* claimed = claims_.find(caller.socket_id)) {
    PlacePtr request = std::move(*claimed);
    claims_.erase(caller.socket_id);
    const auto source = request ? ParentSource::kClaim : ParentSource::kNone;
    return {std::move(request), source};
  }
  if (runs_known_task(caller.actor)) return of_calling_task(caller.actor);
  // Written outside of any task: for who connected, if that task was not replaced since.
  if (caller.actor.task == 0 && caller.opener.task != 0) {
    const Task* opener = tasks_.find(caller.opener.task);
    if (opener != nullptr && opener->lineage->born_ns < caller.opened_ns) {
      Finding found = of_task(caller.opener.task, caller.opener.turn);
      if (found.source != ParentSource::kNone) return found;
    }
  }
  if (traits_ && traits_->tasks_move) return {};
  if (traits_ && traits_->calls_in_turn) return in_turn(caller);
  return of_thread(caller.actor);
}

void ProcessWork::thread_started(const Actor& by, uint32_t tid) {
  Thread fresh;
  fresh.started_for = for_sure(by);
  if (fresh.started_for) fresh.life = std::make_shared<ThreadLife>();
  threads_.insert(tid, std::move(fresh));
}

void ProcessWork::thread_ended(uint32_t tid, uint64_t now_ns) {
  const Thread* known = threads_.find(tid);
  if (known == nullptr) return;
  if (known->life) {
    known->life->ended_ns = now_ns;
    while (!ended_.empty() && ended_.front()->ended_ns + ThreadLife::kGoesOnNs < now_ns)
      ended_.pop_front();
    ended_.push_back(known->life);
  }
  threads_.erase(tid);
}

void ProcessWork::ended(uint64_t now_ns) {
  for (const auto& life : ended_)
    life->with_process = life->ended_ns + ThreadLife::kGoesOnNs >= now_ns;
}

// What may be handed on: a thread that is only known by who started it may be kept for others' work.
PlacePtr ProcessWork::for_sure(const Actor& by) {
  const Finding found = of_actor(by);
  return found.source == ParentSource::kThreadStart ? nullptr : found.request;
}

void ProcessWork::task_started(const Actor& by, uint64_t parent, uint64_t child,
                               uint64_t now_ns) {
  Task fresh;
  fresh.lineage->born_ns = now_ns;
  if (const Task* from = parent != 0 ? tasks_.find(parent) : nullptr) {
    fresh.lineage->parent = from->lineage;
    Lineage* oldest = fresh.lineage.get();
    for (int i = 0; i < kMaxAncestors && oldest != nullptr; ++i) oldest = oldest->parent.get();
    if (oldest != nullptr) oldest->parent = nullptr;
    fresh.is_handler = !(traits_ && traits_->tasks_move) &&
                       (from->lineage->connection != 0 || from->serves_in_turn != 0);
  }
  fresh.serves = parent != 0 ? of_task(parent, by.turn).request
                             : for_sure({by.pid, by.tid, 0, by.turn});
  tasks_.insert(child, std::move(fresh));
}

void ProcessWork::task_entered(const Actor& actor) {
  Thread* reader = threads_.find(actor.tid);
  if (reader == nullptr || !reader->read_outside || actor.task == 0) return;
  const PlacePtr request = std::exchange(reader->read_outside, nullptr);
  if (request->actor.turn != actor.turn) return;  // it was given something else meanwhile
  Task* entered = tasks_.find(actor.task);
  if (entered == nullptr) entered = &tasks_.insert(actor.task, {});
  request->actor.task = actor.task;  // no longer whatever else the thread does
  entered->serves = request;
  entered->serves_in_turn = actor.turn;
}

void ProcessWork::work_given(const Actor& by, uint64_t work) {
  works_.insert(work, for_sure(by));
}

void ProcessWork::work_taken(uint32_t tid, uint64_t work) {
  Thread& taker = thread(tid);
  taker.takes_work = true;
  taker.works_for = nullptr;
  if (PlacePtr* given = works_.find(work)) {
    taker.works_for = std::move(*given);
    works_.erase(work);
  }
}

void ProcessWork::socket_claimed(const Actor& by, uint64_t socket_id) {
  claims_.insert(socket_id, by.task != 0 ? of_calling_task(by).request : for_sure(by));
}

void ProcessWork::forget_tasks() {
  tasks_.clear();
  works_.clear();
  claims_.clear();
  threads_.clear();
}

}  // namespace tacit::trace
