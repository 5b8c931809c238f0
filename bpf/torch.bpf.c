/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps and phases of a training run, from functions that PyTorch calls whether or not anybody profiles
 * it. The agent attaches these programs in followed processes (agent/runtime/torch_image.cpp has the
 * places and why). A range that nobody asked for costs one look at its name. */
#include "bpf/events/training.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/task.h"
#include "bpf/lib/value_place.h"
#include "bpf/maps/training_threads.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* std::string of libstdc++'s C++11 ABI begins with these. */
struct std_string {
  __u64 data;
  __u64 length;
};

/* Reads into `text` what it can; returns how much that is. */
static __always_inline __u32 read_string(__u64 address, char *text, __u32 room) {
  struct std_string string = {};
  if (bpf_probe_read_user(&string, sizeof(string), (void *)address)) return 0;
  __u32 length = string.length < room ? string.length : room;
  if (length == 0 || length > room) return 0;
  return bpf_probe_read_user(text, length, (void *)string.data) ? 0 : length;
}

/* `room` for its text: a constant. */
static __always_inline struct training_event *reserve_event(__u8 action, __u64 subject, __u32 room) {
  struct training_event *event = bpf_ringbuf_reserve(&events, sizeof(*event) + room, 0);
  if (!event) {
    count_drop(DROP_RING_FULL_GPU);
    return NULL;
  }
  fill_header(&event->header, EVENT_TRAINING);
  event->by.task = event->by.turn = 0;
  event->code_ns = 0;
  event->subject = subject;
  event->cleared_ns = 0;
  event->action = action;
  event->text_bytes = 0;
  event->sees_ends = 0;
  __builtin_memset(event->pad, 0, sizeof(event->pad));
  return event;
}

/* Who did it costs more than all else, so ends leave it to their begins. */
static __always_inline void fill_actor(struct training_event *event) {
  event->by = current_task_ref();
  struct followed_process *process = followed_process(event->header.pid);
  if (process) event->code_ns = process->code_ns;
}

static __always_inline void fill_cleared(struct training_event *event,
                                         struct training_thread *thread) {
  if (!thread || !thread->cleared_ns) return;
  event->cleared_ns = thread->cleared_ns;
  thread->cleared_ns = 0;
}

static __always_inline void report_begin(__u8 action, __u64 subject) {
  struct training_event *event = reserve_event(action, subject, 0);
  if (!event) return;
  fill_actor(event);
  bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline void report_end(__u8 action, __u64 subject) {
  struct training_event *event = reserve_event(action, subject, 0);
  if (event) bpf_ringbuf_submit(event, wake_flags());
}

/* Reports with the file's name that the std::string at `file` holds. */
static __always_inline void report_archive(__u8 action, __u64 subject, __u64 file) {
  struct training_event *event = reserve_event(action, subject, TRAINING_TEXT_BYTES);
  if (!event) return;
  fill_actor(event);
  event->text_bytes = read_string(file, (char *)(event + 1), TRAINING_TEXT_BYTES);
  bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline bool begins_with(const char *text, const char *prefix, __u32 length) {
  for (__u32 i = 0; i < length; i++)
    if (text[i] != prefix[i]) return false;
  return true;
}

#define STEP_PREFIX "Optimizer.step#"
#define DATA_PREFIX "enumerate(DataLoader)#"
#define ZERO_PREFIX "Optimizer.zero_grad#"
#define PREFIX_IS(text, prefix) begins_with(text, prefix, sizeof(prefix) - 1)
#define LONGEST_PREFIX_BYTES (sizeof(DATA_PREFIX) - 1)

enum range_kind { RANGE_OTHER, RANGE_STEP, RANGE_DATA, RANGE_ZERO };

static __always_inline enum range_kind kind_of(const struct std_string *name) {
  char start[LONGEST_PREFIX_BYTES] = {};
  if (name->length < sizeof(STEP_PREFIX)) return RANGE_OTHER; /* the shortest, and a name */
  __u32 length = name->length < sizeof(start) ? name->length : sizeof(start);
  if (bpf_probe_read_user(start, length, (void *)name->data)) return RANGE_OTHER;
  if (PREFIX_IS(start, STEP_PREFIX)) return RANGE_STEP;
  if (PREFIX_IS(start, DATA_PREFIX)) return RANGE_DATA;
  if (PREFIX_IS(start, ZERO_PREFIX)) return RANGE_ZERO;
  return RANGE_OTHER;
}

/* TRAINING_NONE: that is not told. */
static __always_inline __u8 end_of(enum range_kind kind) {
  if (kind == RANGE_STEP) return TRAINING_STEP_END;
  return kind == RANGE_DATA ? TRAINING_DATA_END : TRAINING_NONE;
}

static __always_inline void push_range(struct training_thread *thread, __u8 end_action) {
  __u32 depth = thread->depth;
  if (depth < MAX_OPEN_RANGES) thread->end_actions[depth & (MAX_OPEN_RANGES - 1)] = end_action;
  thread->depth = depth + 1;
}

static __always_inline void report_data(struct training_thread *thread, bool sees_ends) {
  struct training_event *event = reserve_event(TRAINING_DATA_BEGIN, 0, 0);
  if (!event) return;
  fill_actor(event);
  fill_cleared(event, thread);
  event->sees_ends = sees_ends;
  bpf_ringbuf_submit(event, wake_flags());
}

static __always_inline void report_step(struct training_thread *thread, bool sees_ends,
                                        const struct std_string *name) {
  struct training_event *event = reserve_event(TRAINING_STEP_BEGIN, 0, TRAINING_TEXT_BYTES);
  if (!event) return;
  fill_actor(event);
  fill_cleared(event, thread);
  event->sees_ends = sees_ends;
  const __u32 prefix = sizeof(STEP_PREFIX) - 1;
  __u64 rest = name->length - prefix;
  __u32 length = rest < TRAINING_TEXT_BYTES ? rest : TRAINING_TEXT_BYTES;
  if (length > 0 && length <= TRAINING_TEXT_BYTES &&
      !bpf_probe_read_user(event + 1, length, (void *)(name->data + prefix)))
    event->text_bytes = length;
  bpf_ringbuf_submit(event, wake_flags());
}

/* The cookie names the place of the name's address; PLACE_FLAG(0): ends are seen. */
SEC("uprobe")
int torch_range_entered(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  __u64 address = value_at_place(regs, cookie & ~PLACE_FLAGS);
  struct std_string name = {};
  bpf_probe_read_user(&name, sizeof(name), (void *)address);
  enum range_kind kind = kind_of(&name);
  bool sees_ends = cookie & PLACE_FLAG(0);
  if (!sees_ends && kind == RANGE_OTHER) return 0;
  struct training_thread *thread = training_thread(BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (thread && sees_ends) push_range(thread, end_of(kind));
  if (kind == RANGE_ZERO) {
    if (thread && !thread->cleared_ns) thread->cleared_ns = bpf_ktime_get_ns();
  } else if (kind == RANGE_DATA) {
    report_data(thread, sees_ends);
  } else if (kind == RANGE_STEP) {
    report_step(thread, sees_ends, &name);
  }
  return 0;
}

SEC("uprobe")
int torch_range_left(struct pt_regs *regs) {
  struct training_thread *thread = training_thread(0);
  if (!thread || thread->depth == 0) return 0;
  __u32 depth = --thread->depth;
  if (depth >= MAX_OPEN_RANGES) return 0;
  __u8 action = thread->end_actions[depth & (MAX_OPEN_RANGES - 1)];
  if (!action) return 0;
  struct training_event *event = reserve_event(action, 0, 0);
  if (!event) return 0;
  fill_cleared(event, thread);
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

/* Engine::execute(…, bool accumulate_grad, …): false where somebody wants gradients for himself
 * (torch.autograd.grad, a compiler's tracing), which trains nothing. With PLACE_IN_MEMORY the cookie
 * names its place, else it is not known. */
SEC("uprobe")
int torch_backward(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  if (cookie & PLACE_IN_MEMORY && !(__u8)value_at_place(regs, cookie)) return 0;
  struct training_event *event = reserve_event(TRAINING_BACKWARD, 0, 0);
  if (!event) return 0;
  fill_actor(event);
  fill_cleared(event, training_thread(0));
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

/* The next four: the cookie names the place of the object's address. */
SEC("uprobe")
int torch_writer_made(struct pt_regs *regs) {
  report_begin(TRAINING_SAVE_BEGIN, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_writer_done(struct pt_regs *regs) {
  report_end(TRAINING_SAVE_END, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_reader_made(struct pt_regs *regs) {
  report_begin(TRAINING_LOAD_BEGIN, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_reader_gone(struct pt_regs *regs) {
  report_end(TRAINING_LOAD_END, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

/* Those that are given a file's name, at the function's very entry: registers are as the ABI has them. */
#if defined(__TARGET_ARCH_x86)
#define ENTRY_SELF(regs) ((regs)->di)
#define ENTRY_FILE(regs) ((regs)->si)
#else /* nothing is attached there yet */
#define ENTRY_SELF(regs) 0
#define ENTRY_FILE(regs) 0
#endif

SEC("uprobe")
int torch_file_writer_made(struct pt_regs *regs) {
  report_archive(TRAINING_SAVE_BEGIN, ENTRY_SELF(regs), ENTRY_FILE(regs));
  return 0;
}

SEC("uprobe")
int torch_file_reader_made(struct pt_regs *regs) {
  report_archive(TRAINING_LOAD_BEGIN, ENTRY_SELF(regs), ENTRY_FILE(regs));
  return 0;
}
