# SPDX-License-Identifier: Apache-2.0
"""http.route and span names: few, whatever the paths; static paths stay themselves."""
from harness import peers

ROUTES = {
    "/users/{}": range(1000, 1030),
    "/orders/{}/lines": [f"{n:08x}-1111-4222-8333-{n:012x}" for n in range(30)],
    "/operations/{}": [f"op_training_{n}" for n in range(30)],
    "/blobs/{}": [f"{n * 0x9E3779B97F4A7C15 % 2**128:032x}" for n in range(1, 31)],
}
STATIC = ["/health", "/api/v1/strategies", "/api/v1/symbols", "/api/v1/indicators", "/metrics"]


def test_learned(agent):
    service = peers.threading_server(agent)
    for _ in range(3):
        for path in STATIC:
            agent.run("curl", "-sS", f"{service.url()}{path}")
    urls = [f"{service.url()}{pattern.format(value)}" for pattern, values in ROUTES.items()
            for value in values]
    agent.run("curl", "-sS", *urls)
    servers = [span for span in agent.finish() if span.kind == "SERVER"]
    assert len(servers) == 15 + 120
    for path in STATIC:
        have = [span["http.route"] for span in servers if span.path == path]
        assert have == [path] * 3
    for pattern in ROUTES:
        start = pattern.split("{")[0]
        have = {span["http.route"] for span in servers if span.path.startswith(start)}
        assert len(have) == 1, have
        route = have.pop()
        assert route.startswith(start + "{") and route.endswith(pattern.split("}")[1])
    for span in servers:
        assert span.name == f"GET {span['http.route']}"
    clients = {span.name for span in agent.output.spans() if span.kind == "CLIENT"}
    assert clients == {"GET"}


def test_patterns_of_the_user_win(tacit):
    agent = tacit.exec("--console", "json", "--route", "/items/{name}", "--route", "/files/**")
    service = peers.threading_server(agent)
    agent.run("curl", "-sS", f"{service.url()}/items/red", f"{service.url()}/items/12",
              f"{service.url()}/other/12")
    routes = {span.path: span["http.route"] for span in agent.finish() if span.kind == "SERVER"}
    assert (routes["/items/red"], routes["/items/12"]) == ("/items/{name}", "/items/{name}")
    assert routes["/other/12"] not in ("/other/12", "/items/{name}")
