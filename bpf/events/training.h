/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What PyTorch's own functions tell of a training run (torch.bpf.c), and the files that such a process
 * opens (syscalls.bpf.c). Texts come from the target, so they may be anything at all. */
#pragma once
#include "bpf/events/event_header.h"
#include "bpf/events/task.h"

enum training_action {
  TRAINING_NONE = 0,
  TRAINING_STEP_BEGIN, /* "Optimizer.step#NAME.step" entered; text: what follows '#' */
  TRAINING_STEP_END,   /* and left, where that can be seen */
  TRAINING_DATA_BEGIN, /* "enumerate(DataLoader)#NAME.__next__" */
  TRAINING_DATA_END,
  TRAINING_BACKWARD,       /* torch::autograd::Engine::execute begins */
  TRAINING_SAVE_BEGIN,     /* a caffe2::serialize::PyTorchStreamWriter is made; text: its file */
  TRAINING_SAVE_END,       /* PyTorchStreamWriter::writeEndOfFile */
  TRAINING_LOAD_BEGIN,     /* a PyTorchStreamReader is made; text: its file, where it opens one */
  TRAINING_LOAD_END,       /* and is gone */
  TRAINING_ACTION_COUNT,
};

#define TRAINING_TEXT_BYTES 96 /* at most; longer ones are cut */

/* Its text follows. What an END has in common with its begin is not told again. */
struct training_event {
  struct event_header header;
  struct task_ref by; /* not of an END */
  __u64 code_ns; /* when the process last opened code: importing ended no earlier; 0: not seen, or an
                  * END */
  __u64 subject; /* SAVE, LOAD: the object's address, which a begin and its end have in common */
  __u64 cleared_ns; /* STEP, DATA, BACKWARD: when the thread first cleared its gradients
                     * ("Optimizer.zero_grad#…") since its event before this; 0: it did not */
  __u8 action;   /* enum training_action */
  __u8 text_bytes;
  __u8 sees_ends; /* STEP, DATA: an END will follow */
  __u8 pad[5];
};
TACIT_STATIC_ASSERT(sizeof(struct training_event) == 72, "no hidden padding");

/* A regular file that a process with PyTorch in it opened, tried to open, or closed. Code is left
 * out: *.py, *.pyc, *.so and shared libraries with a version. */
struct file_event {
  struct event_header header;
  __u64 code_ns;    /* as in training_event */
  __s32 descriptor; /* of the file; negative: -errno of the open */
  __u16 path_bytes; /* 0: the file was closed */
  __u8 access;      /* O_RDONLY 0, O_WRONLY 1, O_RDWR 2 */
  __u8 pad;
  char path[256];   /* as the process gave it, cut */
};
TACIT_STATIC_ASSERT(sizeof(struct file_event) == 296, "no hidden padding");
