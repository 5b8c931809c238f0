// SPDX-License-Identifier: Apache-2.0
#include "cupti/cupti_library.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bpf/events/gpu_batch.h"

namespace tacit::cupti {
namespace {

TEST(LibraryNames, OfCupti) {
  for (const char* path : {"/a/libcupti.so", "libcupti.so.13", "/x/libcupti.so.2025.1.1"})
    EXPECT_TRUE(is_cupti_name(path)) << path;
  for (const char* path : {"/a/libtacit_cupti.so", "/libcupti.so/b.so", "libcupti_static.a", ""})
    EXPECT_FALSE(is_cupti_name(path)) << path;
}

TEST(LibraryNames, MajorVersion) {
  EXPECT_EQ(major_of_name("/a/libcudart.so.12", "libcudart.so."), 12);
  EXPECT_EQ(major_of_name("libcudart.so.13.0.96", "libcudart.so."), 13);
  EXPECT_EQ(major_of_name("/a/libcudart.so", "libcudart.so."), 0);
  EXPECT_EQ(major_of_name("/libcudart.so.12/x", "libcudart.so."), 0);
}

std::string output_of(const std::string& command) {
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> piece;
  while (size_t got = std::fread(piece.data(), 1, piece.size(), pipe)) out.append(piece.data(), got);
  ::pclose(pipe);
  return out;
}

std::set<std::string> words_with(const std::string& text, const std::string& prefix) {
  std::set<std::string> found;
  std::istringstream words(text);
  for (std::string word; words >> word;)
    if (word.starts_with(prefix)) found.insert(word);
  return found;
}

// The library goes into strangers' programs: nothing newer than glibc 2.17, nothing but glibc.
TEST(ShippedLibrary, LoadsWithAnOldGlibc) {
  const auto versions = words_with(output_of("readelf -VW " TACIT_CUPTI_LIBRARY), "GLIBC_");
#if defined(__x86_64__)
  EXPECT_EQ(versions, (std::set<std::string>{"GLIBC_2.2.5", "GLIBC_2.3.2", "GLIBC_2.14",
                                             "GLIBC_2.17"}));
#else
  EXPECT_EQ(versions, std::set<std::string>{"GLIBC_2.17"});
#endif
  const auto needed = words_with(output_of("readelf -dW " TACIT_CUPTI_LIBRARY), "[lib");
  EXPECT_EQ(needed, (std::set<std::string>{"[libc.so.6]", "[libdl.so.2]", "[libpthread.so.0]"}));
}

TEST(ShippedLibrary, ExportsItsEntryOnly) {
  std::istringstream lines(output_of("nm -D --defined-only " TACIT_CUPTI_LIBRARY));
  std::vector<std::string> names;
  for (std::string address, kind, name; lines >> address >> kind >> name;) names.push_back(name);
  EXPECT_EQ(names, std::vector<std::string>{"InitializeInjection"});
}

TEST(ShippedLibrary, HasOneProbeOnAOneByteNop) {
  const std::string notes = output_of("readelf -nW " TACIT_CUPTI_LIBRARY);
  EXPECT_NE(notes.find("Provider: tacit"), std::string::npos) << notes;
  EXPECT_NE(notes.find("Name: gpu_batch"), std::string::npos);
  EXPECT_EQ(notes.find("Location"), notes.rfind("Location")) << "one site";
#if defined(__x86_64__)
  EXPECT_NE(notes.find("Arguments: 8@%rdi 8@%rsi"), std::string::npos);
  const auto at = notes.find("Location: ") + 10;
  const std::string location = notes.substr(at, 18);
  const std::string code = output_of("objdump -d " TACIT_CUPTI_LIBRARY " --start-address=" +
                                     location + " --stop-address=$((" + location + "+1))");
  EXPECT_NE(code.find("\t90"), std::string::npos) << code;
#endif
}

// Real libraries, where there are some.
std::vector<std::string> real_libraries() {
  std::vector<std::string> libraries;
  if (std::string(TACIT_REAL_CUPTI) != "") libraries.push_back(TACIT_REAL_CUPTI);
  std::error_code none;
  using Files = std::filesystem::recursive_directory_iterator;
  for (const char* place : {"/nvidia/cu13/lib", "/triton/backends/nvidia/lib"}) {
    const std::string folder = TACIT_PEERS "/torch/lib/python3.11/site-packages" + std::string(place);
    for (const auto& file : Files(folder, none))
      if (is_cupti_name(file.path().c_str()) && file.is_regular_file())
        libraries.push_back(file.path());
  }
  return libraries;
}

// Every function that is looked up is there.
TEST(RealCupti, HasEveryFunction) {
  const auto libraries = real_libraries();
  if (libraries.empty()) GTEST_SKIP() << "no CUPTI here";
  for (const std::string& library : libraries) {
    std::set<std::string> names;  // without "@@libcupti.so.13"
    for (const auto& name : words_with(output_of("nm -D --defined-only " + library), "cupti"))
      names.insert(name.substr(0, name.find('@')));
    for (const char* symbol : kCuptiSymbols)
      EXPECT_TRUE(names.contains(symbol)) << library << " lacks " << symbol;
  }
}

// In a child of its own, since what was loaded stays. Returns how it ended.
int initialize_with(const std::string& library, const std::string& file) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TACIT_CUPTI_FILE", file.c_str(), 1);
    const bool loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr;
    void* ours = ::dlopen(TACIT_CUPTI_LIBRARY, RTLD_NOW);
    if (!loaded || ours == nullptr) ::_exit(3);
    reinterpret_cast<int (*)()>(::dlsym(ours, "InitializeInjection"))();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

// Where no driver is, a real CUPTI is not even asked its version: 13.2 crashes.
TEST(RealCupti, IsNotCalledWithoutADriver) {
  if (::dlopen("libcuda.so.1", RTLD_LAZY) != nullptr) GTEST_SKIP() << "there is a driver here";
  const auto libraries = real_libraries();
  if (libraries.empty()) GTEST_SKIP() << "no CUPTI here";
  const auto file = std::filesystem::temp_directory_path() / ("tacit-real-" + std::to_string(::getpid()));
  for (const std::string& library : libraries) {
    EXPECT_EQ(initialize_with(library, file), 0) << library;
    gpu_batch_header header{};
    std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(&header), sizeof(header));
    EXPECT_EQ(header.magic, GPU_BATCH_MAGIC);
    EXPECT_EQ(header.state, uint32_t{GPU_TRACER_UNSUPPORTED}) << library;
    EXPECT_EQ(header.cupti_version, 0u);
    std::filesystem::remove(file);
  }
}

}  // namespace
}  // namespace tacit::cupti
