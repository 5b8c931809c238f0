// SPDX-License-Identifier: Apache-2.0
// Runs a piece of code in a forked child under the probes and keeps every event that it caused.
#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "agent/event/decode.h"
#include "agent/probe/probe_set.h"

namespace tacit::bpf_test {

// A record's own copy, and the typed view of it.
struct Seen {
  std::vector<uint64_t> storage;
  event::Event event;
  const event_header& header() const {
    return *reinterpret_cast<const event_header*>(storage.data());
  }
};

class ObservedChild : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs";
    auto loaded = probe::ProbeSet::load(options_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    probes_ = std::move(*loaded);
  }

  // The child runs `body` once it is followed; an event of every kind up to its exit is kept.
  void run(const std::function<void()>& body) {
    int go[2];
    ASSERT_EQ(::pipe(go), 0);
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) ::_exit(1);
      body();
      ::_exit(0);
    }
    ASSERT_TRUE(probes_->follow(static_cast<uint32_t>(child_)));
    if (inspects_) probes_->inspect(static_cast<uint32_t>(child_));
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) {
      read_ring();
      ::usleep(1000);
    }
    read_ring();
    ::close(go[0]);
    ::close(go[1]);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child failed: " << status;
  }

  template <typename View>
  std::vector<View> of() const {
    std::vector<View> views;
    for (const auto& seen : seen_)
      if (const auto* view = std::get_if<View>(&seen->event)) views.push_back(*view);
    return views;
  }

  // Data events with bytes, as text, in order.
  std::vector<std::string> texts(uint8_t direction) const {
    std::vector<std::string> out;
    for (const auto& data : of<event::Data>())
      if (data.raw->direction == direction && data.raw->flags == 0)
        out.emplace_back(reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size());
    return out;
  }

  uint64_t drops() const {
    uint64_t sum = 0;
    for (const auto& drop : probes_->drops()) sum += drop.count;
    return sum;
  }

  probe::ProbeOptions options_;
  bool inspects_ = false;  // looks into the child's program (this one's) before it runs
  std::unique_ptr<probe::ProbeSet> probes_;
  std::vector<std::unique_ptr<Seen>> seen_;
  pid_t child_ = -1;

 private:
  void read_ring() {
    probes_->ring().consume(SIZE_MAX, [this](std::span<const std::byte> record) {
      std::vector<uint64_t> storage((record.size() + 7) / 8);
      std::memcpy(storage.data(), record.data(), record.size());
      const auto event = event::decode(
          {reinterpret_cast<const std::byte*>(storage.data()), record.size()});
      ASSERT_TRUE(event) << "a record of the probes does not decode";
      seen_.push_back(std::make_unique<Seen>(Seen{std::move(storage), *event}));
    });
  }
};

}  // namespace tacit::bpf_test
