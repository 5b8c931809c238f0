// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/service_name.h"

#include <gtest/gtest.h>

namespace tacit::discovery {
namespace {

TEST(ServiceName, TheFirstThatAppliesWins) {
  EnvironmentSubset environment;
  environment.service_name = "env";
  environment.resource_attributes = "a=b,service.name=at%74r";
  NameCandidates c;
  c.configured = "configured";
  c.selector = "selector";
  c.environment = &environment;
  c.container = "container";
  c.unit = "unit.service";
  c.program = "program";
  EXPECT_EQ(choose_service_name(c), "configured");
  c.configured = "";
  EXPECT_EQ(choose_service_name(c), "selector");
  c.selector = "";
  EXPECT_EQ(choose_service_name(c), "env");
  environment.service_name = "";
  EXPECT_EQ(choose_service_name(c), "attr");
  environment.resource_attributes = "service.name";  // broken
  EXPECT_EQ(choose_service_name(c), "container");
  c.container = "";
  EXPECT_EQ(choose_service_name(c), "unit");
  c.unit = "";
  EXPECT_EQ(choose_service_name(c), "program");
}

TEST(ServiceName, HostileNamesAreCleaned) {
  NameCandidates c;
  c.program = "a\x1b]0;x\x07\xff";
  EXPECT_EQ(choose_service_name(c), "a_]0;x__");
}

TEST(ServiceName, UnitNames) {
  EXPECT_EQ(unit_name("billing.service"), "billing");
  EXPECT_EQ(unit_name("pg@15.service"), "pg@15");
  EXPECT_EQ(unit_name("my\\x2dapp.service"), "my-app");
  EXPECT_EQ(unit_name("odd\\xzz.service"), "odd\\xzz");
  EXPECT_EQ(unit_name("odd\\x"), "odd\\x");
}

}  // namespace
}  // namespace tacit::discovery
