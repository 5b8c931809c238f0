// SPDX-License-Identifier: Apache-2.0
#include "cupti/settings.h"

#include <stdlib.h>

#include <cstring>

namespace tacit::cupti {
namespace {

void copy_path(char (&to)[PATH_MAX], const char* from) {
  if (from == nullptr || ::strnlen(from, PATH_MAX) == PATH_MAX) return;
  ::strcpy(to, from);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

uint32_t parts_per_million(const char* text, uint32_t otherwise) {
  if (text == nullptr || text[0] == '\0') return otherwise;
  uint64_t whole = 0;
  uint32_t parts = 0;
  for (; is_digit(*text) && whole < 10; ++text) whole = whole * 10 + static_cast<uint32_t>(*text - '0');
  if (*text == '.') {
    ++text;
    for (uint32_t unit = kPartsPerMillion / 10; is_digit(*text); ++text, unit /= 10)
      parts += unit * static_cast<uint32_t>(*text - '0');
  }
  if (*text != '\0' || whole > 1 || (whole == 1 && parts != 0)) return otherwise;
  return static_cast<uint32_t>(whole) * kPartsPerMillion + parts;
}

uint64_t seconds_in_ns(const char* text, uint64_t otherwise) {
  if (text == nullptr || text[0] == '\0') return otherwise;
  uint64_t seconds = 0;
  for (; is_digit(*text) && seconds <= 3600; ++text)
    seconds = seconds * 10 + static_cast<uint32_t>(*text - '0');
  return *text == '\0' && seconds <= 3600 ? seconds * 1'000'000'000 : otherwise;
}

// secure_getenv: a program with raised rights takes no orders from its caller's environment.
void Settings::read_environment() {
  const char* switched = ::secure_getenv("TACIT_CUPTI_OFF");
  off = switched != nullptr && switched[0] != '\0' && ::strcmp(switched, "0") != 0;
  budget_ppm = parts_per_million(::secure_getenv("TACIT_CUPTI_BUDGET"), budget_ppm);
  patience_ns = seconds_in_ns(::secure_getenv("TACIT_CUPTI_PATIENCE"), patience_ns);
  copy_path(file, ::secure_getenv("TACIT_CUPTI_FILE"));
  copy_path(next, ::secure_getenv("TACIT_CUPTI_NEXT"));
  copy_path(library, ::secure_getenv("TACIT_CUPTI_LIBRARY"));
}

}  // namespace tacit::cupti
