// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/exporters/fake_grpc_server.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "tests/unit/exporters/fake_http_server.h"

namespace tacit::exporters {

// One connection. Lives on the server's thread.
struct FakeGrpcServer::Session {
  FakeGrpcServer& server;
  int fd;
  std::map<int32_t, Request> open;
  std::map<int32_t, Reply> answers;
  std::map<int32_t, size_t> sent;

  static std::vector<nghttp2_nv> to_nv(const Fields& fields) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : fields) {
      all.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                     reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                     value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return all;
  }

  static ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* buffer, size_t room,
                           uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& self = *static_cast<Session*>(user);
    const Reply& reply = self.answers[stream];
    size_t& sent = self.sent[stream];
    const size_t n = std::min(room, reply.body.size() - sent);
    std::memcpy(buffer, reply.body.data() + sent, n);
    sent += n;
    if (sent == reply.body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto trailers = to_nv(reply.trailers);
      nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size());
    }
    return static_cast<ssize_t>(n);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user) {
    auto& self = *static_cast<Session*>(user);
    self.open[frame->hd.stream_id].headers[std::string(name, name + name_size)] =
        std::string(value, value + value_size);
    return 0;
  }

  static int on_data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                     void* user) {
    static_cast<Session*>(user)->open[stream].body.append(data, data + size);
    return 0;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = *static_cast<Session*>(user);
    const bool request = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    const int32_t stream = frame->hd.stream_id;
    Reply& reply = self.answers[stream] = self.server.keep(std::move(self.open[stream]));
    Fields fields = {{":status", "200"}, {"content-type", "application/grpc"}};
    fields.insert(fields.end(), reply.headers.begin(), reply.headers.end());
    const auto headers = to_nv(fields);
    nghttp2_data_provider body{};
    body.read_callback = read_body;
    nghttp2_submit_response(session, stream, headers.data(), headers.size(),
                            reply.body.empty() ? nullptr : &body);
    return 0;
  }

  bool flush(nghttp2_session* session) const {
    const uint8_t* data = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(session, &data)) > 0;) {
      if (::send(fd, data, static_cast<size_t>(n), MSG_NOSIGNAL) != n) return false;
    }
    return true;
  }

  void run() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session* session = nullptr;
    nghttp2_session_server_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
    uint8_t buffer[16384];
    while (flush(session)) {
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0 || nghttp2_session_mem_recv(session, buffer, static_cast<size_t>(n)) < 0) break;
    }
    nghttp2_session_del(session);
  }
};

FakeGrpcServer::FakeGrpcServer(std::deque<Reply> replies)
    : listener_(listen_on_loopback(port_)),
      replies_(std::move(replies)),
      thread_([this] { serve(); }) {}

FakeGrpcServer::~FakeGrpcServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::string FakeGrpcServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<FakeGrpcServer::Request> FakeGrpcServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string FakeGrpcServer::frame(const std::string& message) {
  std::string out(5, '\0');
  for (unsigned i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(message.size() >> (24 - 8 * i));
  return out + message;
}

FakeGrpcServer::Reply FakeGrpcServer::keep(Request request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(std::move(request));
  if (replies_.empty()) return {{}, frame(""), {{"grpc-status", "0"}}};
  Reply reply = replies_.front();
  replies_.pop_front();
  return reply;
}

void FakeGrpcServer::serve() {
  for (;;) {
    const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return;
    Session{*this, connection.get(), {}, {}, {}}.run();
  }
}

}  // namespace tacit::exporters
