// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/program_name.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace tacit::discovery {
namespace {

struct Case {
  const char* exe;
  const char* line;  // blanks between arguments, '~' for a blank inside one
  const char* cwd;
  Runtime runtime;
  const char* name;
};

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) {
    for (char& c : word) c = c == '~' ? ' ' : c;
    out.push_back(word);
  }
  return out;
}

class ProgramName : public ::testing::TestWithParam<Case> {};

TEST_P(ProgramName, IsTold) {
  const Case& c = GetParam();
  const std::map<std::string, std::string> files = {
      {"/srv/shop/package.json", R"({"version": "1", "name": "@acme/shop"})"},
      {"/srv/odd/package.json", R"({"name": 3})"},
      {"/srv/bad/package.json", R"({"name": "x")"},
      {"/srv/shop/node_modules/next/package.json", R"({"name": "next"})"}};
  const Launch launch{c.exe, words(c.line), c.cwd,
                      [&](const std::string& path) -> std::optional<std::string> {
                        const auto found = files.find(path);
                        return found == files.end() ? std::nullopt : std::optional(found->second);
                      }};
  const auto runtime = detect_runtime(launch);
  EXPECT_EQ(runtime, c.runtime) << c.line;
  EXPECT_EQ(program_name(launch, runtime), c.name) << c.line;
}

constexpr const char* kPy = "/usr/bin/python3.11";
constexpr auto kPython = Runtime::kPython;

INSTANTIATE_TEST_SUITE_P(
    Python, ProgramName,
    ::testing::Values(
        Case{kPy, "python3 path/train.py --epochs 3", "/w", kPython, "train"},
        Case{kPy, "python3 -u -X dev -W ignore train.py", "/w", kPython, "train"},
        Case{kPy, "python3 -m shop.worker", "/w", kPython, "shop.worker"},
        Case{kPy, "python3 -um shop.worker x", "/w", kPython, "shop.worker"},
        Case{kPy, "python3 -mshop", "/w", kPython, "shop"},
        Case{kPy, "python3 -m http.server 8000", "/w", kPython, "http.server"},
        Case{kPy, "python3 -c print(1) x.py", "/w", kPython, "python"},
        Case{kPy, "python3", "/w", kPython, "python"},
        Case{kPy, "python3 -", "/w", kPython, "python"},
        Case{kPy, "python3 -m app", "/srv/billing", kPython, "billing"},
        Case{kPy, "python3 -m shop.__main__", "/w", kPython, "shop"},
        Case{kPy, "python3 app.py", "/home/ann/billing", kPython, "billing"},
        Case{kPy, "python3 /opt/billing/src/main.py", "/", kPython, "billing"},
        Case{kPy, "python3 main.py", "/app", kPython, "main"},
        Case{kPy, "python3 main.py", "/home/ann", kPython, "main"},
        Case{kPy, "python3 main.py", "", kPython, "main"},
        Case{kPy, "python3 manage.py runserver 0:80", "/srv/shop", kPython, "shop"},
        Case{kPy, "python3 /usr/bin/uvicorn shop:app --port 80", "/w", kPython, "shop"},
        Case{kPy, "python3 -m uvicorn --host localhost --port 80 shop.api.main:app", "/w", kPython,
             "shop.api"},
        Case{kPy, "python3 /usr/bin/uvicorn --host localhost:80 app.main:app", "/srv/billing",
             kPython, "billing"},
        Case{kPy, "python3 /usr/bin/uvicorn main:app", "/billing", kPython, "billing"},
        Case{kPy, "python3 /usr/bin/uvicorn app.main:app", "/app", kPython, "app.main"},
        Case{kPy, "python3 /usr/bin/uvicorn --app-dir /srv/orders main:app", "/w", kPython,
             "orders"},
        Case{kPy, "python3 /usr/bin/uvicorn --factory shop.web:create", "/w", kPython, "shop.web"},
        Case{kPy, "/venv/bin/python /venv/bin/gunicorn -w 4 -b 0.0.0.0:80 billing.wsgi:application",
             "/w", kPython, "billing"},
        Case{kPy, "python3 /usr/bin/gunicorn -k uvicorn.workers.UvicornWorker -c conf.py shop.wsgi",
             "/w", kPython, "shop"},
        Case{kPy, "python3 /usr/bin/gunicorn --chdir=/srv/orders app:create()", "/w", kPython,
             "orders"},
        Case{kPy, "gunicorn:~master~[shop.wsgi:app]", "/w", kPython, "shop"},
        Case{kPy, "python3 /usr/bin/hypercorn asgi:app", "/srv/chat", kPython, "chat"},
        Case{kPy, "python3 /usr/bin/flask --app billing run", "/w", kPython, "billing"},
        Case{kPy, "python3 /usr/bin/flask run", "/srv/orders", kPython, "orders"},
        Case{kPy, "python3 /usr/bin/celery -A proj.tasks worker", "/w", kPython, "proj.tasks"},
        Case{kPy, "python3 /usr/bin/fastapi run svc/orders.py", "/w", kPython, "orders"},
        Case{"", "python3 orders.py", "", kPython, "orders"},
        Case{"/usr/bin/pypy3", "pypy3 orders.py", "/w", kPython, "orders"}));

constexpr const char* kNodeExe = "/usr/bin/node";
constexpr auto kNode = Runtime::kNode;

INSTANTIATE_TEST_SUITE_P(
    Node, ProgramName,
    ::testing::Values(
        Case{kNodeExe, "node /srv/shop/dist/server.js", "/", kNode, "@acme/shop"},
        Case{kNodeExe, "node -r ./trace.js --inspect server.js", "/srv/shop", kNode, "@acme/shop"},
        Case{kNodeExe, "node .", "/srv/shop", kNode, "@acme/shop"},
        Case{kNodeExe, "node /srv/shop/node_modules/next/dist/bin/next start", "/srv/shop", kNode,
             "@acme/shop"},
        Case{kNodeExe, "next-server~(v14.1.0)", "/srv/shop", kNode, "@acme/shop"},
        Case{kNodeExe, "node /srv/odd/orders.js", "/", kNode, "orders"},
        Case{kNodeExe, "node /srv/bad/orders.mjs", "/", kNode, "orders"},
        Case{kNodeExe, "node server.js", "/srv/billing", kNode, "billing"},
        Case{kNodeExe, "node -e 1", "/w", kNode, "node"},
        Case{"/usr/local/bin/bun", "bun run index.ts", "/srv/billing", Runtime::kBun, "billing"},
        Case{"/usr/local/bin/deno", "deno run -A orders.ts", "/w", Runtime::kDeno, "orders"}));

constexpr const char* kJvm = "/usr/lib/jvm/17/bin/java";
constexpr auto kJava = Runtime::kJava;

INSTANTIATE_TEST_SUITE_P(
    Others, ProgramName,
    ::testing::Values(
        Case{kJvm, "java -Xmx1g -jar /opt/billing-1.2.3-SNAPSHOT.jar --x", "/", kJava, "billing"},
        Case{kJvm, "java -jar app.jar", "/srv/orders", kJava, "orders"},
        Case{kJvm, "java -cp a.jar:b.jar -Dx=y com.acme.OrderService run", "/", kJava,
             "OrderService"},
        Case{kJvm, "java -cp a.jar com.acme.billing.Main", "/", kJava, "billing"},
        Case{kJvm, "java -p mods -m shop.core/com.acme.Shop", "/", kJava, "Shop"},
        Case{kJvm, "java -Dspring.application.name=orders -jar app.jar", "/", kJava, "orders"},
        Case{kJvm, "java org.springframework.boot.loader.JarLauncher", "/srv/orders", kJava,
             "orders"},
        Case{kJvm, "java -version", "/", kJava, "java"},
        Case{kJvm, "java -jar", "/", kJava, "java"},
        Case{"/usr/bin/ruby3.1", "ruby orders.rb", "/w", Runtime::kRuby, "orders"},
        Case{"/usr/bin/ruby3.1", "ruby /usr/bin/puma -C x.rb", "/srv/shop", Runtime::kRuby, "shop"},
        Case{"/usr/bin/ruby3.1", "puma~5.6.5~(tcp://0.0.0.0:3000)~[billing]", "/", Runtime::kRuby,
             "billing"},
        Case{"/usr/bin/php8.2", "php -S 0:80 -t /srv/shop/public", "/", Runtime::kPhp, "shop"},
        Case{"/usr/bin/php8.2", "php artisan serve", "/srv/shop", Runtime::kPhp, "shop"},
        Case{"/usr/sbin/php-fpm8.2", "php-fpm:~master~process", "/", Runtime::kPhp, "php-fpm"},
        Case{"/usr/bin/dotnet", "dotnet /app/Orders.Api.dll", "/", Runtime::kDotnet, "Orders.Api"},
        Case{"/usr/sbin/nginx", "nginx:~worker~process", "/", Runtime::kUnknown, "nginx"},
        Case{"/opt/billing/bin/server", "./server", "/", Runtime::kUnknown, "billing"},
        Case{"/tmp/go-build12/b001/exe/main", "/tmp/go-build12/b001/exe/main", "/home/ann/orders",
             Runtime::kUnknown, "orders"},
        Case{"/bin/busybox", "httpd -f", "/", Runtime::kUnknown, "httpd"},
        Case{"", "/usr/bin/curl http://x", "/", Runtime::kUnknown, "curl"},
        Case{"", "-bash", "/", Runtime::kUnknown, "bash"},
        Case{"", "", "", Runtime::kUnknown, "unknown_service"}));

TEST(ProgramName, MultiprocessingChildrenBelongToTheirParent) {
  const auto belongs = [](std::vector<std::string> args) {
    const Launch launch{kPy, std::move(args), "/", nullptr};
    return belongs_to_parent(launch, detect_runtime(launch));
  };
  EXPECT_TRUE(belongs({"python3", "-c",
                       "from multiprocessing.spawn import spawn_main; spawn_main(pipe_handle=7)",
                       "--multiprocessing-fork"}));
  EXPECT_TRUE(
      belongs({"python3", "-c", "from multiprocessing.resource_tracker import main;main(5)"}));
  EXPECT_TRUE(belongs(
      {"python3", "-B", "-c", "import sys; from multiprocessing.forkserver import main"}));
  EXPECT_FALSE(belongs({"python3", "-c", "print('from multiprocessing.spawn')"}));
  EXPECT_FALSE(belongs({"python3", "x.py"}));
}

TEST(Launch, AbsolutePath) {
  EXPECT_EQ(absolute_path("a/../b", "/w"), "/w/b");
  EXPECT_EQ(absolute_path("../../../x", "/w"), "/x");
  EXPECT_EQ(absolute_path("/a//./b/", ""), "/a/b");
  EXPECT_EQ(absolute_path("a", ""), "");
  EXPECT_EQ(absolute_path(".", "/w"), "/w");
  EXPECT_EQ(absolute_path("/..", "/w"), "/");
}

}  // namespace
}  // namespace tacit::discovery
