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

static __always_inline struct training_event *begin_event(__u8 action, __u64 subject) {
  struct training_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_GPU);
    return NULL;
  }
  fill_header(&event->header, EVENT_TRAINING);
  event->by = current_task_ref();
  struct followed_process *process = followed_process(event->header.pid);
  event->code_ns = process ? process->code_ns : 0;
  event->subject = subject;
  event->action = action;
  event->text_bytes = 0;
  event->sees_ends = 0;
  __builtin_memset(event->pad, 0, sizeof(event->pad));
  return event;
}

static __always_inline void report_action(__u8 action, __u64 subject) {
  struct training_event *event = begin_event(action, subject);
  if (event) bpf_ringbuf_submit(event, wake_flags());
}

/* Reports with the file's name that the std::string at `file` holds. */
static __always_inline void report_archive(__u8 action, __u64 subject, __u64 file) {
  struct training_event *event = begin_event(action, subject);
  if (!event) return;
  event->text_bytes = read_string(file, event->text, TRAINING_TEXT_BYTES);
  bpf_ringbuf_submit(event, wake_flags());
}

struct range_kind {
  __u8 begin, end; /* enum training_action */
  __u8 prefix_bytes;
};

static __always_inline bool begins_with(const char *text, const char *prefix, __u32 length) {
  for (__u32 i = 0; i < length; i++)
    if (text[i] != prefix[i]) return false;
  return true;
}

#define STEP_PREFIX "Optimizer.step#"
#define DATA_PREFIX "enumerate(DataLoader)#"
#define ZERO_PREFIX "Optimizer.zero_grad#"
#define PREFIX_IS(text, prefix) begins_with(text, prefix, sizeof(prefix) - 1)

static __always_inline struct range_kind kind_of(const char *name) {
  struct range_kind kind = {};
  if (PREFIX_IS(name, STEP_PREFIX)) {
    kind.begin = TRAINING_STEP_BEGIN, kind.end = TRAINING_STEP_END;
    kind.prefix_bytes = sizeof(STEP_PREFIX) - 1;
  } else if (PREFIX_IS(name, DATA_PREFIX)) {
    kind.begin = TRAINING_DATA_BEGIN, kind.end = TRAINING_DATA_END;
    kind.prefix_bytes = sizeof(DATA_PREFIX) - 1;
  } else if (PREFIX_IS(name, ZERO_PREFIX)) {
    kind.begin = TRAINING_ZERO_GRAD;
    kind.prefix_bytes = sizeof(ZERO_PREFIX) - 1;
  }
  return kind;
}

static __always_inline void push_range(__u8 end_action) {
  struct open_ranges *ranges = bpf_task_storage_get(&training_threads, bpf_get_current_task_btf(),
                                                    NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!ranges) return;
  __u32 depth = ranges->depth;
  if (depth < MAX_OPEN_RANGES) ranges->end_actions[depth & (MAX_OPEN_RANGES - 1)] = end_action;
  ranges->depth = depth + 1;
}

/* The cookie names the place of the name's address; PLACE_FLAG(0): ends are seen. */
SEC("uprobe")
int torch_range_entered(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  char start[24] = {}; /* as long as the longest prefix */
  __u64 name = value_at_place(regs, cookie & ~PLACE_FLAGS);
  struct std_string string = {};
  bpf_probe_read_user(&string, sizeof(string), (void *)name);
  if (string.length >= sizeof(STEP_PREFIX)) /* the shortest, and a name */
    bpf_probe_read_user_str(start, sizeof(start), (void *)string.data);
  struct range_kind kind = kind_of(start);
  bool sees_ends = cookie & PLACE_FLAG(0);
  if (sees_ends) push_range(kind.end);
  if (!kind.begin) return 0;
  struct training_event *event = begin_event(kind.begin, 0);
  if (!event) return 0;
  event->sees_ends = sees_ends && kind.end;
  __u64 rest = string.length - kind.prefix_bytes;
  __u32 length = rest < TRAINING_TEXT_BYTES ? rest : TRAINING_TEXT_BYTES;
  if (length > 0 && length <= TRAINING_TEXT_BYTES &&
      !bpf_probe_read_user(event->text, length, (void *)(string.data + kind.prefix_bytes)))
    event->text_bytes = length;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

SEC("uprobe")
int torch_range_left(struct pt_regs *regs) {
  struct open_ranges *ranges =
      bpf_task_storage_get(&training_threads, bpf_get_current_task_btf(), NULL, 0);
  if (!ranges || ranges->depth == 0) return 0;
  __u32 depth = --ranges->depth;
  if (depth >= MAX_OPEN_RANGES) return 0;
  __u8 action = ranges->end_actions[depth & (MAX_OPEN_RANGES - 1)];
  if (action) report_action(action, 0);
  return 0;
}

/* Engine::execute(…, bool accumulate_grad, …): false where somebody wants gradients for himself
 * (torch.autograd.grad, a compiler's tracing), which trains nothing. With PLACE_IN_MEMORY the cookie
 * names its place, else it is not known. */
SEC("uprobe")
int torch_backward(struct pt_regs *regs) {
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  if (cookie & PLACE_IN_MEMORY && !(__u8)value_at_place(regs, cookie)) return 0;
  report_action(TRAINING_BACKWARD, 0);
  return 0;
}

/* The next four: the cookie names the place of the object's address. */
SEC("uprobe")
int torch_writer_made(struct pt_regs *regs) {
  report_action(TRAINING_SAVE_BEGIN, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_writer_done(struct pt_regs *regs) {
  report_action(TRAINING_SAVE_END, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_reader_made(struct pt_regs *regs) {
  report_action(TRAINING_LOAD_BEGIN, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
  return 0;
}

SEC("uprobe")
int torch_reader_gone(struct pt_regs *regs) {
  report_action(TRAINING_LOAD_END, value_at_place(regs, bpf_get_attach_cookie((void *)regs)));
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
