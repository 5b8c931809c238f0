// SPDX-License-Identifier: Apache-2.0
#include "cupti/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tacit::cupti {
namespace {

TEST(PartsPerMillion, ReadsShares) {
  EXPECT_EQ(parts_per_million("0.01", 7), 10'000u);
  EXPECT_EQ(parts_per_million("1", 7), 1'000'000u);
  EXPECT_EQ(parts_per_million("1.0", 7), 1'000'000u);
  EXPECT_EQ(parts_per_million("0", 7), 0u);
  EXPECT_EQ(parts_per_million(".5", 7), 500'000u);
  EXPECT_EQ(parts_per_million("0.0000019", 7), 1u);
}

TEST(PartsPerMillion, WhatIsNoShareIsTheDefault) {
  for (const char* text : {"", "1.1", "2", "-1", "a", "0.1x", "0,01", "99999999999999999999"})
    EXPECT_EQ(parts_per_million(text, 7), 7u) << text;
  EXPECT_EQ(parts_per_million(nullptr, 7), 7u);
}

TEST(Seconds, InNanoseconds) {
  EXPECT_EQ(seconds_in_ns("0", 7), 0u);
  EXPECT_EQ(seconds_in_ns("3600", 7), 3'600'000'000'000u);
  for (const char* text : {"", "3601", "-1", "1.5", "99999999999999999999"})
    EXPECT_EQ(seconds_in_ns(text, 7), 7u) << text;
}

TEST(Settings, ComeFromTheEnvironment) {
  ::setenv("TACIT_CUPTI_OFF", "1", 1);
  ::setenv("TACIT_CUPTI_BUDGET", "0.5", 1);
  ::setenv("TACIT_CUPTI_PATIENCE", "3", 1);
  ::setenv("TACIT_CUPTI_FILE", "/a/file", 1);
  ::setenv("TACIT_CUPTI_NEXT", "/a/next.so", 1);
  ::setenv("TACIT_CUPTI_LIBRARY", "/a/libcupti.so.13", 1);
  Settings settings;
  settings.read_environment();
  EXPECT_TRUE(settings.off);
  EXPECT_EQ(settings.budget_ppm, 500'000u);
  EXPECT_EQ(settings.patience_ns, 3'000'000'000u);
  EXPECT_STREQ(settings.file, "/a/file");
  EXPECT_STREQ(settings.next, "/a/next.so");
  EXPECT_STREQ(settings.library, "/a/libcupti.so.13");
  ::setenv("TACIT_CUPTI_OFF", "0", 1);
  Settings on;
  on.read_environment();
  EXPECT_FALSE(on.off);
}

}  // namespace
}  // namespace tacit::cupti
