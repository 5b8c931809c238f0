// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/target_table.h"

#include <gtest/gtest.h>

#include "tests/unit/metrics/metric_reading.h"

namespace tacit::metrics {
namespace {

TEST(TargetTable, ResourcesOfOnePairShareATarget) {
  TargetTable targets(resource(1, "tacit", "host"), 10);
  EXPECT_EQ(targets.find(resource(2, "api")), 1u);
  EXPECT_EQ(targets.find(resource(3, "api")), 1u);
  EXPECT_EQ(targets.find(resource(4, "api", "host:9000")), 2u);
  EXPECT_EQ(targets.find(resource(2, "api")), 1u);
  EXPECT_EQ(targets.job(1), "api");
  EXPECT_EQ(targets.instance(2), "host:9000");
}

TEST(TargetTable, TheNamespaceLeadsTheJob) {
  telemetry::Resource named = resource(2, "api");
  named.service_namespace = "shop";
  EXPECT_EQ(job_label(named), "shop/api");
}

TEST(TargetTable, IsBounded) {
  TargetTable targets(resource(1, "tacit"), 3);
  EXPECT_EQ(targets.find(resource(2, "a")), 1u);
  EXPECT_EQ(targets.find(resource(3, "b")), 2u);
  EXPECT_EQ(targets.find(resource(4, "c")), TargetTable::kNone);
  EXPECT_EQ(targets.find(resource(5, "a")), 1u);
  EXPECT_EQ(targets.collect().metric.size(), 3u);
}

TEST(TargetTable, LabelNames) {
  EXPECT_EQ(label_name("host.name"), "host_name");
  EXPECT_EQ(label_name("a..-b"), "a_b");
  EXPECT_EQ(label_name("9lives"), "key_9lives");
  EXPECT_EQ(label_name(""), "key_");
}

TEST(TargetTable, InfoCarriesTheOtherAttributes) {
  TargetTable targets(resource(1, "tacit", "host"), 10);
  telemetry::Resource api = resource(2, "api");
  api.attributes = {{"service.name", std::string("api")},
                    {"service.instance.id", std::string("host:8000")},
                    {"process.pid", int64_t{77}},
                    {"host.name", std::string("h\xFFst")},
                    {"a.b", std::string("1")},
                    {"a-b", std::string("2")},
                    {"process.command_args", std::vector<std::string>{"x", "y"}},
                    {"flag", true}};
  targets.find(api);
  const auto info = targets.collect();
  EXPECT_EQ(info.name, "target_info");
  ASSERT_EQ(info.metric.size(), 2u);
  EXPECT_EQ(labels_of(info.metric[0]), (LabelMap{{"job", "tacit"}, {"instance", "host"}}));
  EXPECT_EQ(labels_of(info.metric[1]), (LabelMap{{"job", "api"},
                                                 {"instance", "host:8000"},
                                                 {"process_pid", "77"},
                                                 {"host_name", "h\xEF\xBF\xBDst"},
                                                 {"a_b", "1;2"},
                                                 {"process_command_args", "x,y"},
                                                 {"flag", "true"}}));
  EXPECT_EQ(info.metric[1].gauge.value, 1);
}

}  // namespace
}  // namespace tacit::metrics
