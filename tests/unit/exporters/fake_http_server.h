// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on loopback that keeps what it is sent and answers by a script. One thread,
// one connection at a time; no timing.
#pragma once
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/fd.h"

namespace tacit::exporters {

class FakeHttpServer {
 public:
  struct Request {
    std::string line;
    std::vector<std::string> headers;  // as they came
    std::string body;
    bool has(const std::string& header) const;
  };

  // `replies`: whole replies, one for each request; then 200 without a body.
  explicit FakeHttpServer(std::deque<std::string> replies = {});
  ~FakeHttpServer();

  std::string url(const std::string& path = "/v1/traces") const;
  std::vector<Request> requests() const;

  static std::string reply(const std::string& status, const std::string& headers = "",
                           const std::string& body = "");

 private:
  void serve();
  void serve_connection(int fd);

  uint16_t port_ = 0;  // before what sets it
  Fd listener_;
  mutable std::mutex mutex_;
  std::deque<std::string> replies_;
  std::vector<Request> requests_;
  std::thread thread_;
};

// A listening socket on loopback that accepts nothing, and its port.
Fd listen_on_loopback(uint16_t& port);

}  // namespace tacit::exporters
