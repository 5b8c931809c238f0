// SPDX-License-Identifier: Apache-2.0
#include "cupti/usdt.h"

// Counted by the kernel in this process's copy of the page, while a probe is attached.
extern "C" {
__attribute__((section(".probes"), visibility("hidden"), used)) volatile unsigned short
    tacit_gpu_batch_semaphore = 0;
}

// The note of version 3: three addresses (probe, the base that tells how far the file was relinked,
// semaphore), then provider, name and where the arguments are.
#define TACIT_NOTE(arguments)                                       \
  "990: nop\n"                                                      \
  ".pushsection .note.stapsdt,\"\",\"note\"\n"                      \
  ".balign 4\n"                                                     \
  ".4byte 992f-991f, 994f-993f, 3\n"                                \
  "991: .asciz \"stapsdt\"\n"                                       \
  "992: .balign 4\n"                                                \
  "993: .8byte 990b\n"                                              \
  ".8byte _.stapsdt.base\n"                                         \
  ".8byte tacit_gpu_batch_semaphore\n"                              \
  ".asciz \"tacit\"\n"                                              \
  ".asciz \"gpu_batch\"\n"                                          \
  ".asciz \"" arguments "\"\n"                                      \
  "994: .balign 4\n"                                                \
  ".popsection\n"                                                   \
  ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
  ".weak _.stapsdt.base\n"                                          \
  ".hidden _.stapsdt.base\n"                                        \
  "_.stapsdt.base: .space 1\n"                                      \
  ".size _.stapsdt.base, 1\n"                                       \
  ".popsection\n"

namespace tacit::cupti {

bool gpu_batch_is_watched() { return tacit_gpu_batch_semaphore != 0; }

// Never inlined or copied: one place, so one probe.
__attribute__((noinline, noclone)) void fire_gpu_batch(const void* block, size_t bytes) {
#if defined(__x86_64__)
  __asm__ volatile(TACIT_NOTE("8@%%rdi 8@%%rsi") : : "D"(block), "S"(bytes) : "memory");
#elif defined(__aarch64__)
  register const void* first __asm__("x0") = block;
  register size_t second __asm__("x1") = bytes;
  __asm__ volatile(TACIT_NOTE("8@x0 8@x1") : : "r"(first), "r"(second) : "memory");
#endif
}

}  // namespace tacit::cupti
