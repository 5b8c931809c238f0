// SPDX-License-Identifier: Apache-2.0
#include "agent/command/injection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace tacit::command {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

struct InjectionTest : testing::Test {
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tacit-injection-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    fs::create_directories(folder / "bin");
    fs::create_directories(folder / "lib/tacit");
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string put(const fs::path& where) {
    std::ofstream(folder / where) << "library";
    return (folder / where).string();
  }
  Variables variables(const std::string& already_named = "") {
    return injection_variables(config, folder / "bin/tacit", already_named);
  }
  fs::path folder;
  config::Config config;
};

TEST_F(InjectionTest, TheLibraryBesideTheProgram) {
  put("lib/tacit/libtacit_cupti.so");
  const std::string beside = put("bin/libtacit_cupti.so");
  EXPECT_THAT(variables(), ElementsAre(Pair("CUDA_INJECTION64_PATH", beside),
                                       Pair("TACIT_CUPTI_BUDGET", "0.010000")));
}

TEST_F(InjectionTest, TheInstalledLibrary) {
  const std::string installed = put("lib/tacit/libtacit_cupti.so");
  config.gpu_kernel_budget = 0.5;
  EXPECT_THAT(variables(), ElementsAre(Pair("CUDA_INJECTION64_PATH", installed),
                                       Pair("TACIT_CUPTI_BUDGET", "0.500000")));
}

TEST_F(InjectionTest, TheLibraryOfTheSettings) {
  put("bin/libtacit_cupti.so");
  config.gpu_library = put("lib/other.so");
  EXPECT_THAT(variables(), ElementsAre(Pair("CUDA_INJECTION64_PATH", config.gpu_library),
                                       testing::_));
}

TEST_F(InjectionTest, NoneThereIsNoVariable) {
  EXPECT_THAT(variables(), IsEmpty());
  put("bin/libtacit_cupti.so");
  config.gpu_library = "/nowhere/libtacit_cupti.so";
  EXPECT_THAT(variables(), IsEmpty());
}

TEST_F(InjectionTest, SwitchedOffIsNoVariable) {
  put("bin/libtacit_cupti.so");
  config.gpu_kernels = false;
  EXPECT_THAT(variables("/opt/other.so"), IsEmpty());
}

TEST_F(InjectionTest, WhoWasNamedBeforeComesNext) {
  const std::string beside = put("bin/libtacit_cupti.so");
  EXPECT_THAT(variables("/opt/other.so"),
              ElementsAre(Pair("CUDA_INJECTION64_PATH", beside), testing::_,
                          Pair("TACIT_CUPTI_NEXT", "/opt/other.so")));
  EXPECT_EQ(variables(beside).size(), 2u) << "not itself";
}

}  // namespace
}  // namespace tacit::command
