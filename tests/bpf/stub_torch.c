/* SPDX-License-Identifier: Apache-2.0 */
/* libtorch_cpu.so as far as the agent needs it to be PyTorch: torch::autograd::Engine::execute, which
 * begins with a push and does nothing. Assembler, so that no sanitizer adds to it. */
#if defined(__x86_64__)
#define EXECUTE                                                                          \
  "_ZN5torch8autograd6Engine7executeERKSt6vectorINS0_4EdgeESaIS3_EERKS2_IN2at6Tensor" \
  "ESaIS9_EEbbbS7_"
__asm__(".text\n"
        ".globl " EXECUTE "\n"
        ".type " EXECUTE ", @function\n" EXECUTE ":\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size " EXECUTE ", . - " EXECUTE "\n");
#endif
