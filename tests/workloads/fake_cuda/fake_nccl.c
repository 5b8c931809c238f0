/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cuda.h"

static int checks;
static void leave(int *scope) { *scope += 1; }

/* One kernel of the library's own a call. */
static int enqueue(void *comm, void *stream) {
  if (!comm) return 4; /* ncclInvalidArgument */
  return cuLaunchKernel(comm, 1, 1, 1, 32, 1, 1, 0, stream, 0, 0) ? 1 : 0;
}

#define RETURN(comm, stream)          \
  int code = enqueue(comm, stream);   \
  leave(&checks);                     \
  return code

int ncclAllReduce(const void *from, void *to, size_t count, int type, int op, void *comm, void *stream) {
  RETURN(comm, stream);
}
int ncclAllGather(const void *from, void *to, size_t count, int type, void *comm, void *stream) {
  RETURN(comm, stream);
}
int ncclReduce(const void *from, void *to, size_t count, int type, int op, int root, void *comm,
               void *stream) {
  RETURN(comm, stream);
}
int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, void *comm, void *stream) {
  RETURN(comm, stream);
}
int ncclBcast(void *buffer, size_t count, int type, int root, void *comm, void *stream) {
  return ncclBroadcast(buffer, buffer, count, type, root, comm, stream);
}
int ncclSend(const void *from, size_t count, int type, int peer, void *comm, void *stream) {
  RETURN(comm, stream);
}
