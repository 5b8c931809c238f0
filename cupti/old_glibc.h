// SPDX-License-Identifier: Apache-2.0
// Included into every file of the library by the compiler's command line: functions that moved into
// libc.so.6 with glibc 2.34 got a new version there, which an older system does not have. Their old
// versions exist in both, so the library asks for those (x86-64: GLIBC_2.2.5).
#pragma once

#if defined(__x86_64__)
#define TACIT_OLD_VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define TACIT_OLD_VERSION "GLIBC_2.17"
#endif
#define TACIT_OLD(function) __asm__(".symver " #function "," #function "@" TACIT_OLD_VERSION)

TACIT_OLD(dlopen);
TACIT_OLD(dlsym);
TACIT_OLD(pthread_create);
TACIT_OLD(pthread_detach);
TACIT_OLD(pthread_getspecific);
TACIT_OLD(pthread_setspecific);
TACIT_OLD(pthread_key_create);
TACIT_OLD(pthread_sigmask);
TACIT_OLD(pthread_attr_setstacksize);
