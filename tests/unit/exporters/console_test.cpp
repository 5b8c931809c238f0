// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "exporters/console/console_exporter.h"
#include "exporters/console/line_writer.h"
#include "exporters/console/span_format.h"
#include "exporters/utf8.h"
#include "tests/unit/exporters/samples.h"

namespace tacit::exporters {
namespace {

using config::ConsoleFormat;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string json_line(const telemetry::Span& span) {
  std::string out;
  append_span_json(out, span);
  return out;
}

std::string text_line(const telemetry::Span& span, bool colour = false) {
  std::string out;
  append_span_text(out, span, colour);
  return out;
}

// Every byte value, then what hides text from a reader.
std::string hostile_text() {
  std::string text;
  for (int c = 0; c < 256; ++c) text += static_cast<char>(c);
  return text + "\n\xC2\x9B\xE2\x80\xAE\xE2\x80\xA8\xF3\xA0\x81\x81\xED\xA0\x80";
}

telemetry::Span hostile_span() {
  const std::string bad = hostile_text();
  auto resource = std::make_shared<telemetry::Resource>();
  resource->service_name = bad;
  resource->attributes = {{bad, bad}};
  telemetry::Span span = sample_span(resource);
  span.name = span.trace_state = span.status_message = bad;
  span.attributes = {{bad, bad},
                     {"server.address", bad},
                     {"error.type", bad},
                     {"list", std::vector<std::string>{bad, bad}}};
  span.events = {{bad, 1, {{bad, bad}}}};
  return span;
}

// All control characters (C0, DEL, C1), bidirectional marks included, other than the last newline.
size_t controls_in(std::string_view line) {
  EXPECT_EQ(valid_utf8_prefix(line), line.size());
  EXPECT_EQ(line.back(), '\n');
  line.remove_suffix(1);
  size_t found = 0;
  while (!line.empty()) {
    const CodePoint point = decode_utf8(line);
    if (!is_printable(point.value)) ++found;
    line.remove_prefix(point.length);
  }
  return found;
}

TEST(ConsoleJson, HasExactlyTheDocumentedFields) {
  const json parsed = json::parse(json_line(sample_span(sample_resource(1, "shop"))));
  const json expected = {{"name", "GET /items/{id}"},
                         {"kind", "CLIENT"},
                         {"trace_id", "0102030405060708090a0b0c0d0e0f10"},
                         {"span_id", "b7ad6b7169203331"},
                         {"parent_span_id", "0000000000000009"},
                         {"parent_is_remote", true},
                         {"trace_state", "vendor=1"},
                         {"start_time", "2026-11-21T11:35:29.123456789Z"},
                         {"end_time", "2026-11-21T11:35:29.135802467Z"},
                         {"start_time_unix_nano", "1795260929123456789"},
                         {"end_time_unix_nano", "1795260929135802467"},
                         {"duration_ms", 12.345678},
                         {"status", {{"code", "ERROR"}, {"message", "reset by the server"}}},
                         {"attributes",
                          {{"http.request.method", "GET"},
                           {"http.response.status_code", 503},
                           {"server.address", "stock"},
                           {"server.port", 8080},
                           {"error.type", "503"},
                           {"tacit.ratio", 2.0},
                           {"tacit.flag", true},
                           {"http.request.header.accept", {"a/b", "c/d"}}}},
                         {"events",
                          {{{"name", "joined"},
                            {"time", "2026-11-21T11:35:29.123456790Z"},
                            {"time_unix_nano", "1795260929123456790"},
                            {"attributes", {{"n", -5}}}}}},
                         {"resource", {{"service.name", "shop"}, {"process.pid", 4711}}}};
  EXPECT_EQ(parsed, expected) << parsed.dump(1);
  EXPECT_TRUE(parsed["attributes"]["http.response.status_code"].is_number_integer());
  EXPECT_TRUE(parsed["attributes"]["tacit.ratio"].is_number_float());
}

TEST(ConsoleJson, LeavesOutWhatIsNotThere) {
  telemetry::Span span;
  span.name = "x";
  span.kind = telemetry::SpanKind::kServer;
  span.resource = std::make_shared<telemetry::Resource>();
  EXPECT_EQ(json_line(span),
            "{\"name\":\"x\",\"kind\":\"SERVER\",\"trace_id\":\"00000000000000000000000000000000\","
            "\"span_id\":\"0000000000000000\",\"start_time\":\"1970-01-01T00:00:00.000000000Z\","
            "\"end_time\":\"1970-01-01T00:00:00.000000000Z\",\"start_time_unix_nano\":\"0\","
            "\"end_time_unix_nano\":\"0\",\"duration_ms\":0.000000,\"status\":{\"code\":\"UNSET\","
            "\"message\":\"\"},\"attributes\":{},\"events\":[],\"resource\":{}}\n");
}

TEST(ConsoleJson, NumbersAtTheEdges) {
  telemetry::Span span = sample_span(sample_resource(1, "shop"));
  span.attributes = {{"min", std::numeric_limits<int64_t>::min()},
                     {"max", std::numeric_limits<int64_t>::max()},
                     {"nan", std::numeric_limits<double>::quiet_NaN()},
                     {"inf", -std::numeric_limits<double>::infinity()},
                     {"tiny", 5e-324},
                     {"tenth", 0.1}};
  const json attributes = json::parse(json_line(span))["attributes"];
  EXPECT_EQ(attributes["min"].get<int64_t>(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(attributes["max"].get<int64_t>(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(attributes["nan"], "NaN");
  EXPECT_EQ(attributes["inf"], "-Infinity");
  EXPECT_EQ(attributes["tiny"].get<double>(), 5e-324);
  EXPECT_EQ(attributes["tenth"].get<double>(), 0.1);
}

TEST(ConsoleJson, HostileTextStaysInsideItsString) {
  const std::string line = json_line(hostile_span());
  EXPECT_EQ(controls_in(line), 0u);
  const json parsed = json::parse(line);  // strict: throws for raw controls and bad UTF-8
  std::string cleaned;
  append_valid_utf8(cleaned, hostile_text());
  EXPECT_EQ(parsed["name"], cleaned);
  EXPECT_EQ(parsed["attributes"]["list"][1], cleaned);
  EXPECT_EQ(parsed["resource"][cleaned], cleaned);
}

TEST(ConsoleText, OneReadableLine) {
  telemetry::Span span = sample_span(sample_resource(1, "shop"));
  EXPECT_EQ(text_line(span),
            "11:35:29.123Z shop -> GET /items/{id} 503 12.34 ms to stock:8080 ERROR 503 reset by "
            "the server\n");
  EXPECT_EQ(text_line(span, true),
            "\x1b[31m" + text_line(span).substr(0, text_line(span).size() - 1) + "\x1b[0m\n");
  span.kind = telemetry::SpanKind::kServer;
  span.status = telemetry::StatusCode::kUnset;
  span.end_unix_ns = span.start_unix_ns + 2'345'678'901;
  span.attributes = {{"client.address", std::string("10.0.0.7")},
                     {"http.response.status_code", int64_t{200}}};
  const std::string expected = "11:35:29.123Z shop <- GET /items/{id} 200 2.34 s from 10.0.0.7\n";
  EXPECT_EQ(text_line(span), expected);
  EXPECT_EQ(text_line(span, true), expected);
}

TEST(ConsoleText, HostileTextCannotSteerTheTerminal) {
  EXPECT_EQ(controls_in(text_line(hostile_span())), 0u);
}

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  Fd reader, writer;
};

std::string read_all(int fd) {
  std::string all;
  char buffer[65536];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) all.append(buffer, n);
  return all;
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(ConsoleExporter, FlushesThousandsOfSpansAtShutdown) {
  Pipe pipe;
  std::string received;
  std::thread reader([&] { received = read_all(pipe.reader.get()); });
  {
    const auto exporter = make_console_exporter(pipe.writer.get(), ConsoleFormat::kJson, 8192);
    pipe.writer.reset();
    exporter->export_spans(named_spans(8000));
    exporter->shutdown(seconds(60));
    EXPECT_EQ(exporter->stats().destination, "console");
    EXPECT_EQ(exporter->stats().exported, 8000u);
    EXPECT_EQ(exporter->stats().failed, 0u);
    EXPECT_EQ(exporter->stats().dropped, 0u);
  }
  reader.join();
  std::istringstream lines(received);
  size_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    EXPECT_EQ(json::parse(line)["name"], "s" + std::to_string(i));
  }
  EXPECT_EQ(i, 8000u);
}

TEST(ConsoleExporter, AReaderThatIsGoneIsCountedAndSurvived) {
  Pipe pipe;
  pipe.reader.reset();
  const auto exporter = make_console_exporter(pipe.writer.get(), ConsoleFormat::kText, 100);
  exporter->export_spans(named_spans(30));
  exporter->shutdown(seconds(60));
  EXPECT_EQ(exporter->stats().failed, 30u);
  EXPECT_EQ(exporter->stats().exported, 0u);
}

TEST(ConsoleExporter, AReaderThatStopsGetsWholeLinesAndTheRestIsCounted) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETPIPE_SZ, 4096), 4096);
  const int flags = ::fcntl(pipe.writer.get(), F_GETFL);
  const auto exporter = make_console_exporter(pipe.writer.get(), ConsoleFormat::kJson, 100);
  exporter->export_spans(named_spans(50));
  exporter->shutdown(milliseconds(100));
  EXPECT_EQ(::fcntl(pipe.writer.get(), F_GETFL), flags);  // others share the pipe
  pipe.writer.reset();
  const auto stats = exporter->stats();
  std::string fitting;  // whole lines in 4096 bytes
  for (const auto& span : named_spans(50)) {
    const std::string line = json_line(span);
    if (fitting.size() + line.size() > 4096) break;
    fitting += line;
  }
  EXPECT_EQ(stats.exported, count_lines(fitting));
  EXPECT_EQ(stats.failed, 50 - count_lines(fitting));
  ASSERT_EQ(::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(read_all(pipe.reader.get()), fitting);
}

TEST(ConsoleExporter, ASocketThatIsClosedIsCountedAndSurvived) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd writer(ends[0]);
  ::close(ends[1]);
  const auto exporter = make_console_exporter(writer.get(), ConsoleFormat::kJson, 100);
  exporter->export_spans(named_spans(5));
  exporter->shutdown(seconds(60));
  EXPECT_EQ(exporter->stats().failed, 5u);
}

TEST(LineWriter, LinesOfTwoWritersDoNotMix) {
  Pipe pipe;
  std::string received;
  std::thread reader([&] { received = read_all(pipe.reader.get()); });
  std::string ours;
  const std::string our_line = std::string(700, 'a') + '\n';
  for (int i = 0; i < 2000; ++i) ours += our_line;
  const std::string their_line = std::string(99, 'b') + '\n';
  std::thread other([fd = ::dup(pipe.writer.get()), &their_line] {
    for (int i = 0; i < 2000; ++i) (void)!::write(fd, their_line.data(), their_line.size());
    ::close(fd);
  });
  {
    LineWriter writer(pipe.writer.get());
    pipe.writer.reset();
    const StopSignal never;
    const auto written = writer.write(ours, never);
    EXPECT_EQ(written.error, 0);
    EXPECT_EQ(written.bytes, ours.size());
  }
  other.join();
  reader.join();
  std::istringstream lines(received);
  size_t our_count = 0, their_count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line + '\n' == our_line) ++our_count;
    if (line + '\n' == their_line) ++their_count;
  }
  EXPECT_EQ(our_count, 2000u);
  EXPECT_EQ(their_count, 2000u);
  EXPECT_EQ(received.size(), ours.size() + 2000 * their_line.size());
}

TEST(LineWriter, WritesAFile) {
  const Fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid());
  LineWriter writer(file.get());
  const StopSignal never;
  const std::string text(100'000, 'x');
  EXPECT_EQ(writer.write(text, never).bytes, text.size());
  EXPECT_FALSE(writer.is_terminal());
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read_all(file.get()), text);
}

TEST(LineWriter, AClosedDescriptorIsAnError) {
  LineWriter writer(-1);
  const StopSignal never;
  EXPECT_EQ(writer.write("x\n", never).error, EBADF);
}

}  // namespace
}  // namespace tacit::exporters
