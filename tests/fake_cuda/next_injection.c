// SPDX-License-Identifier: Apache-2.0
// An injection library that somebody else named: leaves a line where FAKE_NEXT_LOG says.
#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("default"))) int InitializeInjection(void) {
  const char* path = getenv("FAKE_NEXT_LOG");
  FILE* log = path != NULL ? fopen(path, "a") : NULL;
  if (log == NULL) return 0;
  fputs("initialized\n", log);
  fclose(log);
  return 1;
}
