// SPDX-License-Identifier: Apache-2.0
#include "agent/enrich/resource_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tacit::enrich {
namespace {

using discovery::Process;
using discovery::ProcessImage;
using discovery::Runtime;
using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> texts(const telemetry::Resource& resource) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : resource.attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) out.emplace_back(key, *text);
    if (const auto* number = std::get_if<int64_t>(&value))
      out.emplace_back(key, std::to_string(*number));
  }
  return out;
}

ProcessImage image() {
  ProcessImage out;
  out.leader_pid = 42;
  out.exe = "/usr/bin/python3.11";
  out.args = {"python3", "--password=secret"};
  out.runtime = Runtime::kPython;
  out.service_name = "shop";
  return out;
}

Process process(const ProcessImage& from, uint64_t revision, uint16_t port = 0) {
  Process out;
  out.key = {42, 1};
  out.image = std::make_shared<ProcessImage>(from);
  out.first_port = port;
  out.revision = revision;
  return out;
}

class Catalog : public ::testing::Test {
 protected:
  ResourceCatalog catalog_{{}, "node1", "0.1.0"};
};

TEST_F(Catalog, DescribesAListener) {
  const auto resource = catalog_.resource_for(process(image(), 1, 8080));
  EXPECT_EQ(resource->service_name, "shop");
  EXPECT_EQ(resource->instance, "node1:8080");
  EXPECT_EQ(resource->service_namespace, "");
  EXPECT_THAT(texts(*resource),
              ElementsAre(Pair("service.name", "shop"), Pair("service.instance.id", "node1:8080"),
                          Pair("host.name", "node1"), Pair("os.type", "linux"),
                          Pair("process.pid", "42"), Pair("process.executable.name", "python3.11"),
                          Pair("process.runtime.name", "cpython"),
                          Pair("telemetry.sdk.name", "tacit"),
                          Pair("telemetry.sdk.language", "python"),
                          Pair("telemetry.sdk.version", "0.1.0")));
}

TEST_F(Catalog, WhatIsNotKnownIsLeftOut) {
  ProcessImage bare;
  bare.service_name = "curl";
  const auto resource = catalog_.resource_for(process(bare, 1));
  EXPECT_THAT(texts(*resource),
              ElementsAre(Pair("service.name", "curl"), Pair("service.instance.id", "node1"),
                          Pair("host.name", "node1"), Pair("os.type", "linux"),
                          Pair("telemetry.sdk.name", "tacit"),
                          Pair("telemetry.sdk.version", "0.1.0")));
}

TEST_F(Catalog, AContainerIsItsOwnHost) {
  auto in = image();
  in.container_id = "3f2a9c01d2ab4455667788990011223344556677889900aabbccddeeff001122";
  in.container_name = "payments";
  const auto resource = catalog_.resource_for(process(in, 1, 80));
  EXPECT_EQ(resource->instance, "3f2a9c01d2ab:80");
}

TEST_F(Catalog, ListeningMakesAnotherInstance) {
  const auto before = catalog_.resource_for(process(image(), 1));
  const auto after = catalog_.resource_for(process(image(), 2, 80));
  EXPECT_EQ(before->instance, "node1");
  EXPECT_EQ(after->instance, "node1:80");
  EXPECT_NE(before->id, after->id);
}

TEST_F(Catalog, ProcessesOfOneInstanceShareOneResource) {
  const auto master = catalog_.resource_for(process(image(), 1, 80));
  auto worker = process(image(), 1, 80);
  worker.key.pid = 43;
  EXPECT_EQ(catalog_.resource_for(worker), master);
  const auto client = catalog_.resource_for(process(image(), 2));
  auto passing = image();
  passing.leader_pid = 99;
  EXPECT_EQ(catalog_.resource_for(process(passing, 3)), client);
  EXPECT_EQ(catalog_.size(), 2u);
}

TEST_F(Catalog, ARestartedListenerIsAnotherResource) {
  const auto before = catalog_.resource_for(process(image(), 1, 80));
  auto restarted = image();
  restarted.leader_pid = 77;
  EXPECT_NE(catalog_.resource_for(process(restarted, 2, 80))->id, before->id);
}

TEST_F(Catalog, ManyServicesStayBounded) {
  for (uint64_t i = 1; i <= 10'000; ++i) {
    auto one = image();
    one.service_name = "s" + std::to_string(i);
    EXPECT_EQ(catalog_.resource_for(process(one, i))->service_name, one.service_name);
  }
  EXPECT_EQ(catalog_.size(), 4096u);
}

TEST(CatalogAttributes, TheProcessesOwnWinOverTheConfigurations) {
  config::Config config;
  config.resource_attributes = {
      {"deployment.environment", "prod"}, {"service.namespace", "eu"}, {"team", "a"}};
  ResourceCatalog catalog(config, "node1", "0.1.0");
  auto in = image();
  in.environment.resource_attributes =
      "team=b,service.name=ignored,service.instance.id=i-1,bad=\x01";
  const auto resource = catalog.resource_for(process(in, 1, 80));
  EXPECT_EQ(resource->service_name, "shop");
  EXPECT_EQ(resource->service_namespace, "eu");
  EXPECT_EQ(resource->instance, "i-1");
  const auto all = texts(*resource);
  EXPECT_THAT(std::vector(all.end() - 4, all.end()),
              ElementsAre(Pair("deployment.environment", "prod"), Pair("service.namespace", "eu"),
                          Pair("team", "b"), Pair("bad", "_")));
}

TEST_F(Catalog, TheAgentHasItsOwn) {
  const auto own = catalog_.agent_resource();
  EXPECT_EQ(own->service_name, "tacit");
  EXPECT_EQ(own->instance, "node1");
  EXPECT_NE(catalog_.resource_for(process(image(), 1))->id, own->id);
}

}  // namespace
}  // namespace tacit::enrich
