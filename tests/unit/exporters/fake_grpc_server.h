// SPDX-License-Identifier: Apache-2.0
// A gRPC server for unary calls on loopback: nghttp2 speaks HTTP/2, the script says what to answer.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/fd.h"

struct nghttp2_session;

namespace tacit::exporters {

using Fields = std::vector<std::pair<std::string, std::string>>;

class FakeGrpcServer {
 public:
  struct Request {
    std::map<std::string, std::string> headers;
    std::string body;
  };
  struct Reply {
    Fields headers;    // besides :status 200 and the content type
    std::string body;  // empty: the headers are the whole reply, as for an early error
    Fields trailers;
  };

  // One reply for each request; then success.
  explicit FakeGrpcServer(std::deque<Reply> replies = {});
  ~FakeGrpcServer();

  std::string url() const;
  std::vector<Request> requests() const;

  // A message behind gRPC's prefix.
  static std::string frame(const std::string& message);

  struct Session;

 private:
  friend struct Session;
  void serve();
  Reply keep(Request request);

  uint16_t port_ = 0;  // before what sets it
  Fd listener_;
  mutable std::mutex mutex_;
  std::deque<Reply> replies_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace tacit::exporters
