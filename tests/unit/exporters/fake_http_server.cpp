// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/exporters/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

namespace tacit::exporters {
namespace {

// Reads on until `text` holds `size` bytes; false at the end of the connection.
bool read_to(int fd, std::string& text, size_t size) {
  char buffer[16384];
  while (text.size() < size) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    text.append(buffer, static_cast<size_t>(n));
  }
  return true;
}

size_t content_length(const FakeHttpServer::Request& request) {
  for (const std::string& header : request.headers) {
    if (header.starts_with("Content-Length: ")) return std::stoul(header.substr(16));
  }
  return 0;
}

FakeHttpServer::Request parse_head(const std::string& head) {
  FakeHttpServer::Request request;
  for (size_t start = 0; start < head.size();) {
    const size_t end = head.find("\r\n", start);
    const std::string line = head.substr(start, end - start);
    if (start == 0) {
      request.line = line;
    } else if (!line.empty()) {
      request.headers.push_back(line);
    }
    start = end + 2;
  }
  return request;
}

}  // namespace

Fd listen_on_loopback(uint16_t& port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 16) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0) {
    throw std::runtime_error("no loopback listener");
  }
  port = ntohs(address.sin_port);
  return fd;
}

bool FakeHttpServer::Request::has(const std::string& header) const {
  return std::count(headers.begin(), headers.end(), header) == 1;
}

FakeHttpServer::FakeHttpServer(std::deque<std::string> replies)
    : listener_(listen_on_loopback(port_)),
      replies_(std::move(replies)),
      thread_([this] { serve(); }) {}

FakeHttpServer::~FakeHttpServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::string FakeHttpServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<FakeHttpServer::Request> FakeHttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string FakeHttpServer::reply(const std::string& status, const std::string& headers,
                                  const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void FakeHttpServer::serve() {
  for (;;) {
    const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return;
    serve_connection(connection.get());
  }
}

void FakeHttpServer::serve_connection(int fd) {
  std::string buffer;
  for (;;) {
    size_t head_size = 0;
    while ((head_size = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!read_to(fd, buffer, buffer.size() + 1)) return;
    }
    Request request = parse_head(buffer.substr(0, head_size + 2));
    const size_t length = content_length(request);
    if (!read_to(fd, buffer, head_size + 4 + length)) return;
    request.body = buffer.substr(head_size + 4, length);
    buffer.erase(0, head_size + 4 + length);
    std::string answer = reply("200 OK");
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::move(request));
      if (!replies_.empty()) {
        answer = replies_.front();
        replies_.pop_front();
      }
    }
    for (size_t sent = 0; sent < answer.size();) {
      const ssize_t n = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  }
}

}  // namespace tacit::exporters
