// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_learner.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tacit::semantics {
namespace {

constexpr uint64_t kService = 7;

struct Learner : RouteLearner {
  explicit Learner(std::vector<std::string> patterns = {}) : RouteLearner(patterns) {}
  std::string at(const std::string& path, int status = 200) {
    return std::string(route(kService, path, status).text);
  }
};

// A word of letters only, different for each number.
std::string word(size_t number) {
  std::string text = "w";
  for (int i = 0; i < 4; ++i, number /= 26) text += static_cast<char>('a' + number % 26);
  return text + "x";
}

TEST(RouteLearner, TheUsersApi) {
  Learner learner;
  EXPECT_EQ(learner.at("/api/v1/operations/op_training_20251111_123456"),
            "/api/v1/operations/{id}");
  EXPECT_EQ(learner.at("/api/v1/operations/op_training_20251111_123456/metrics"),
            "/api/v1/operations/{id}/metrics");
  EXPECT_EQ(learner.at("/api/v1/training/start"), "/api/v1/training/start");
  EXPECT_EQ(learner.at("/api/v1/workers/register"), "/api/v1/workers/register");
  EXPECT_EQ(learner.at("/api/v1/health"), "/api/v1/health");
  EXPECT_EQ(learner.at("/items/17"), "/items/{id}");
  EXPECT_EQ(learner.at("/users/42"), "/users/{id}");
  EXPECT_EQ(learner.at("/users/me"), "/users/me");
  EXPECT_EQ(learner.at("/"), "/");
  EXPECT_EQ(learner.at("/items/"), "/items/");
}

TEST(RouteLearner, NamesAreInterned) {
  Learner learner;
  const Route first = learner.route(kService, "/items/1", 200);
  const Route second = learner.route(kService, "/items/2", 200);
  const Route other_service = learner.route(8, "/items/3", 200);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(first.id, other_service.id);
  EXPECT_EQ(first.text.data(), other_service.text.data());
  EXPECT_NE(first.id, learner.route(kService, "/items", 200).id);
}

TEST(RouteLearner, SymbolsBecomeAParameterAndStaticSiblingsStay) {
  Learner learner;
  EXPECT_EQ(learner.at("/api/v1/symbols/AAPL/bars"), "/api/v1/symbols/AAPL/bars");
  EXPECT_EQ(learner.at("/api/v1/symbols/search"), "/api/v1/symbols/search");
  for (int i = 1; i < 16; ++i) {
    std::string symbol = "SYM";
    symbol += static_cast<char>('A' + i);
    learner.at("/api/v1/symbols/" + symbol + "/bars");
  }
  EXPECT_EQ(learner.at("/api/v1/symbols/AAPL/bars"), "/api/v1/symbols/{value}/bars");
  EXPECT_EQ(learner.at("/api/v1/symbols/MSFT/bars"), "/api/v1/symbols/{value}/bars");
  EXPECT_EQ(learner.at("/api/v1/symbols/MSFT"), "/api/v1/symbols/{value}");
  EXPECT_EQ(learner.at("/api/v1/symbols/search"), "/api/v1/symbols/search");
}

TEST(RouteLearner, FifteenSymbolsAreNoParameterYet) {
  Learner learner;
  for (int i = 0; i < 15; ++i) {
    const std::string path = std::string("/symbols/SYM") + static_cast<char>('A' + i);
    EXPECT_EQ(learner.at(path), path);
  }
}

TEST(RouteLearner, SixtyStaticPagesNeverMerge) {
  Learner learner;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 60; ++i) {
      const std::string path = "/" + word(i);
      ASSERT_EQ(learner.at(path), path);
    }
  }
}

TEST(RouteLearner, ManyPagesThatAreVisitedAgainNeverMerge) {
  Learner learner;
  for (int i = 0; i < 300; ++i) {  // each new page only after nine visits of a known one
    for (int visit = 0; visit < 9; ++visit) learner.at("/" + word(i / 2));
    learner.at("/" + word(i));
  }
  for (int i = 0; i < 300; ++i) EXPECT_EQ(learner.at("/" + word(i)), "/" + word(i));
}

TEST(RouteLearner, GrowingWordsMergeAtTheHundredth) {
  Learner learner;
  for (size_t i = 0; i < 99; ++i) {
    ASSERT_EQ(learner.at("/people/" + word(i) + "/posts"), "/people/" + word(i) + "/posts");
  }
  EXPECT_EQ(learner.at("/people/" + word(99) + "/posts"), "/people/{value}/posts");
  EXPECT_EQ(learner.at("/people/" + word(0) + "/posts"), "/people/{value}/posts");
  EXPECT_EQ(learner.at("/people/somebody"), "/people/{value}");
  EXPECT_EQ(learner.at("/health"), "/health");
}

TEST(RouteLearner, APopularWordIsNoValue) {
  Learner learner;
  for (size_t i = 0; i < 120; ++i) {
    learner.at("/users/me");
    learner.at("/users/" + word(i));
  }
  EXPECT_EQ(learner.at("/users/me"), "/users/me");
  EXPECT_EQ(learner.at("/users/" + word(3)), "/users/{value}");
  EXPECT_EQ(learner.at("/users/42"), "/users/{id}");
}

TEST(RouteLearner, MergedSubtreesUnite) {
  Learner learner;
  for (size_t i = 0; i < 100; ++i) {
    learner.at("/t/" + word(i) + (i % 2 ? "/a" : "/b/c"));
  }
  EXPECT_EQ(learner.at("/t/new/a", 404), "/t/{value}/a");
  EXPECT_EQ(learner.at("/t/new/b/c", 404), "/t/{value}/b/c");
  EXPECT_EQ(learner.at("/t/new/b", 404), "");  // nothing ever ended there
}

TEST(RouteLearner, A404TeachesNothing) {
  Learner learner;
  EXPECT_EQ(learner.at("/wp-login.php", 404), "");
  EXPECT_EQ(learner.at("/wp-login.php", 404), "");
  for (size_t i = 0; i < 500; ++i) EXPECT_EQ(learner.at("/" + word(i), 404), "");
  EXPECT_EQ(learner.node_count(), 1u);
  EXPECT_EQ(learner.at("/items/1", 200), "/items/{id}");
  EXPECT_EQ(learner.at("/items/999", 404), "/items/{id}");
}

TEST(RouteLearner, UserPatternsWin) {
  Learner learner({"/items/special", "/items/{item_id}", "/static/**"});
  EXPECT_EQ(learner.at("/items/17"), "/items/{item_id}");
  EXPECT_EQ(learner.at("/items/special"), "/items/special");
  EXPECT_EQ(learner.at("/items/word", 404), "/items/{item_id}");
  EXPECT_EQ(learner.at("/items/word", 404), "/items/{item_id}");
  EXPECT_EQ(learner.at("/static/js/app.js"), "/static/**");
  EXPECT_EQ(learner.at("/other"), "/other");
}

TEST(RouteLearner, WhatIsNoPathHasNoRoute) {
  Learner learner;
  EXPECT_EQ(learner.at(""), "");
  EXPECT_EQ(learner.at("*"), "");
  EXPECT_EQ(learner.at("host:443"), "");
}

TEST(RouteLearner, HostilePathsAreBounded) {
  Learner learner;
  std::set<std::string> routes;
  for (size_t i = 0; i < 90; ++i) {  // below the growth threshold at every level
    for (size_t j = 0; j < 90; ++j) routes.insert(learner.at("/" + word(i) + "/" + word(j)));
  }
  EXPECT_EQ(learner.node_count(), RouteTree::kMaxNodes);
  EXPECT_LE(routes.size(), size_t{RouteTree::kMaxNodes});
  EXPECT_EQ(learner.at("/quite/new"), "/{path}");
  EXPECT_EQ(learner.at("/quite/new", 404), "");
  EXPECT_EQ(learner.at("/" + word(0) + "/" + word(0)), "/" + word(0) + "/" + word(0));
}

TEST(RouteLearner, DeepPathsShareOneRoute) {
  Learner learner;
  std::string path;
  for (uint32_t i = 0; i < RouteTree::kMaxDepth; ++i) path += "/a";
  EXPECT_EQ(learner.at(path), path);
  EXPECT_EQ(learner.at(path + "/a"), "/{path}");
  EXPECT_EQ(learner.at(std::string(8192, '/')), "/{path}");
}

TEST(RouteLearner, RandomPathsKeepTheTreeWhole) {
  Learner learner;
  std::mt19937 random(17);
  std::vector<std::string> paths;
  for (int i = 0; i < 20'000; ++i) {
    std::string path;
    const uint32_t depth = 1 + random() % 5;
    for (uint32_t level = 0; level < depth; ++level) {
      switch (random() % 5) {
        case 0:
          path += "/" + word(random() % 150);
          break;
        case 1:
          path += "/" + word(random() % 4);
          break;
        case 2:
          path += "/SYM" + std::string(1, static_cast<char>('A' + random() % 26));
          break;
        case 3:
          path += "/" + std::to_string(random());
          break;
        default:
          path += '/' + std::string(1, static_cast<char>(random()));
      }
    }
    EXPECT_NE(learner.at(path), "");
    paths.push_back(path);
  }
  EXPECT_LE(learner.node_count(), size_t{RouteTree::kMaxNodes});
  std::map<std::string, std::string> routes;
  for (const std::string& path : paths) routes[path] = learner.at(path);
  for (const std::string& path : paths) EXPECT_EQ(learner.at(path), routes[path]);
}

TEST(RouteLearner, ServicesAreBoundedAndForgotten) {
  Learner learner;
  for (uint64_t service = 0; service < RouteLearner::kMaxServices; ++service) {
    EXPECT_EQ(learner.route(service, "/a", 200).text, "/a");
  }
  EXPECT_EQ(learner.route(99'999, "/a", 200).text, "/{path}");
  learner.forget(3);
  EXPECT_EQ(learner.route(99'999, "/a", 200).text, "/a");
  EXPECT_EQ(learner.node_count(), RouteLearner::kMaxServices * 2);
  EXPECT_EQ(learner.route(3, "/a", 404).text, "");
}

TEST(RouteLearner, ServicesLearnApart) {
  Learner learner;
  for (size_t i = 0; i < 100; ++i) learner.route(1, "/" + word(i), 200);
  EXPECT_EQ(learner.route(1, "/about", 200).text, "/{value}");
  EXPECT_EQ(learner.route(2, "/about", 200).text, "/about");
}

}  // namespace
}  // namespace tacit::semantics
