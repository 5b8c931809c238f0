// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace tacit::config {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(ConfigKeys, ReadmeDocumentsExactlyTheTable) {
  const auto readme = read(TACIT_SOURCE_DIR "/agent/config/README.md");
  const std::string begin = "<!-- keys -->\n";
  const size_t from = readme.find(begin);
  const size_t to = readme.find("<!-- /keys -->");
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::string head =
      "| key | variable | flag | OpenTelemetry variable | default | meaning |\n"
      "|---|---|---|---|---|---|\n";
  EXPECT_EQ(readme.substr(from + begin.size(), to - from - begin.size()), head + keys_markdown());
}

TEST(ConfigKeys, NamesAreUniqueAndFewerThanFifty) {
  std::set<std::string_view> names;
  std::set<std::string> variables;
  for (const auto& key : keys()) {
    names.insert(key.name);
    variables.insert(variable_name(key.name));
  }
  EXPECT_EQ(names.size(), keys().size());
  EXPECT_EQ(variables.size(), keys().size());
  EXPECT_LT(keys().size(), 50u);
}

TEST(ConfigKeys, VariableNames) {
  EXPECT_EQ(variable_name("http.query"), "TACIT_HTTP_QUERY");
  EXPECT_EQ(variable_name("otlp.client_key"), "TACIT_OTLP_CLIENT_KEY");
  EXPECT_EQ(variable_name("selectors"), "TACIT_SELECTORS");
}

}  // namespace
}  // namespace tacit::config
