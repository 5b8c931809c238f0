/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What PyTorch's own exported functions tell of a training run (bpf/torch.bpf.c). */
#pragma once
#include "bpf/events/event_header.h"

/* One call of a function that marks a part of training. */
enum training_action {
  TRAINING_STEP_BEGIN = 1, /* "Optimizer.step#NAME.step" entered; text: NAME */
  TRAINING_STEP_END,       /* and left, where that can be seen */
  TRAINING_DATA_BEGIN,     /* "enumerate(DataLoader)#NAME.__next__" */
  TRAINING_DATA_END,
  TRAINING_ZERO_GRAD,      /* "Optimizer.zero_grad#NAME.zero_grad" */
  TRAINING_BACKWARD_BEGIN, /* torch::autograd::Engine::execute */
  TRAINING_BACKWARD_END,
  TRAINING_SAVE_BEGIN, /* caffe2::serialize::PyTorchStreamWriter made; text: the archive's name */
  TRAINING_SAVE_END,   /* its writeEndOfFile */
  TRAINING_LOAD_BEGIN, /* caffe2::serialize::PyTorchStreamReader made */
  TRAINING_LOAD_END,   /* and gone */
  TRAINING_ACTION_COUNT,
};

#define TRAINING_TEXT_BYTES 64

struct training_event {
  struct event_header header;
  __u64 subject; /* what a begin and an end have in common besides the thread: an object's address */
  __u8 action;   /* enum training_action */
  __u8 text_bytes;
  __u8 pad[6];
  char text[TRAINING_TEXT_BYTES]; /* the name, cut; from the target, so anything at all */
};
TACIT_STATIC_ASSERT(sizeof(struct training_event) == 104, "no hidden padding");
