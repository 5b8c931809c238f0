// SPDX-License-Identifier: Apache-2.0
// Asks one URL of 127.0.0.1 over keep-alive connections, at a fixed rate or as fast as answers come,
// and ends only when every request has its answer, so that its count is exact.
//   usage: paced_load PORT PATH CONNECTIONS RATE SECONDS      (RATE 0: as fast as it goes)
// Prints one line: requests, errors, seconds, and in µs the latency's p50, p90, p99 and maximum.
// At a fixed rate latency counts from the moment at which the request was due (no coordinated
// omission). A % in PATH becomes the request's number, from 0. One thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Connection {
  int fd = -1;
  uint64_t due_ns = 0;
  std::string answer;
};

int open_connection(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) die("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// Whether `text` is one whole answer; only Content-Length framing, which is what the targets send.
bool is_whole(const std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  static constexpr std::string_view kName = "content-length:";
  const auto begin = text.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(head);
  const auto found = std::search(begin, end, kName.begin(), kName.end(), [](char a, char b) {
    return (a | 0x20) == (b | 0x20);
  });
  if (found == end) die("no content-length");
  const size_t at = static_cast<size_t>(found - begin) + kName.size();
  return text.size() >= head + 4 + std::strtoul(text.c_str() + at, nullptr, 10);
}

class Load {
 public:
  Load(uint16_t port, const std::string& path, size_t connections, double rate, double seconds)
      : before_("GET " + path.substr(0, path.find('%'))),
        after_((path.find('%') == std::string::npos ? "" : path.substr(path.find('%') + 1)) +
               " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: paced_load\r\n\r\n"),
        numbered_(path.find('%') != std::string::npos),
        rate_(rate), length_ns_(static_cast<uint64_t>(seconds * 1e9)), connections_(connections) {
    for (size_t i = 0; i < connections; ++i) {
      connections_[i].fd = open_connection(port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0) die("epoll_ctl");
      idle_.push_back(i);
    }
    latencies_ns_.reserve(4'000'000);
  }

  void run() {
    begin_ns_ = now_ns();
    while (true) {
      const uint64_t now = now_ns();
      const bool over = now >= begin_ns_ + length_ns_;
      if (!over) send_due(now);
      if (over && busy_ == 0) break;
      wait(over ? 1'000'000'000 : next_due_ns() > now ? next_due_ns() - now : 0);
    }
    seconds_ = static_cast<double>(now_ns() - begin_ns_) / 1e9;
  }

  void print() {
    std::sort(latencies_ns_.begin(), latencies_ns_.end());
    const auto at = [&](double part) {
      if (latencies_ns_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_ns_.size() - 1);
      return static_cast<double>(latencies_ns_[static_cast<size_t>(part * last)]) / 1e3;
    };
    std::printf("requests=%zu errors=%zu seconds=%.3f p50=%.1f p90=%.1f p99=%.1f max=%.1f\n",
                latencies_ns_.size(), errors_, seconds_, at(0.5), at(0.9), at(0.99), at(1));
  }

 private:
  // Without a rate, a request is due as soon as there is a connection for it.
  uint64_t next_due_ns() const {
    if (idle_.empty()) return UINT64_MAX / 2;
    if (rate_ <= 0) return 0;
    return begin_ns_ + static_cast<uint64_t>(static_cast<double>(sent_) * 1e9 / rate_);
  }

  void send_due(uint64_t now) {
    while (!idle_.empty() && next_due_ns() <= now) {
      Connection& c = connections_[idle_.front()];
      c.due_ns = rate_ > 0 ? next_due_ns() : now;
      c.answer.clear();
      idle_.pop_front();
      std::string request = before_;
      if (numbered_) request += std::to_string(sent_);
      request += after_;
      if (::send(c.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size()))
        die("send");
      ++sent_;
      ++busy_;
    }
  }

  void wait(uint64_t at_most_ns) {
    std::array<epoll_event, 64> events{};
    const timespec limit{static_cast<time_t>(std::min<uint64_t>(at_most_ns, 999'999'999) / 1'000'000'000),
                         static_cast<long>(std::min<uint64_t>(at_most_ns, 999'999'999))};
    const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
    for (int i = 0; i < count; ++i) receive(events[static_cast<size_t>(i)].data.u64);
  }

  void receive(size_t index) {
    Connection& c = connections_[index];
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(c.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) die("a server closed its connection");
    c.answer.append(buffer.data(), static_cast<size_t>(got));
    if (!is_whole(c.answer)) return;
    latencies_ns_.push_back(now_ns() - c.due_ns);
    if (c.answer.compare(9, 3, "200") != 0) ++errors_;
    --busy_;
    idle_.push_back(index);
  }

  const std::string before_, after_;  // of the request, around its number
  const bool numbered_;
  const double rate_;
  const uint64_t length_ns_;
  const int epoll_ = ::epoll_create1(0);
  std::vector<Connection> connections_;
  std::deque<size_t> idle_;
  std::vector<uint64_t> latencies_ns_;
  uint64_t begin_ns_ = 0, sent_ = 0;
  size_t busy_ = 0, errors_ = 0;
  double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: paced_load PORT PATH CONNECTIONS RATE SECONDS\n");
    return 2;
  }
  Load load(static_cast<uint16_t>(std::atoi(argv[1])), argv[2],
            static_cast<size_t>(std::atoi(argv[3])), std::atof(argv[4]), std::atof(argv[5]));
  load.run();
  load.print();
}
