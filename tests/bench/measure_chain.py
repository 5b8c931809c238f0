# SPDX-License-Identifier: Apache-2.0
"""A traced chain of three FastAPI services, each asked by httpx's shared AsyncClient of the one before:
bare, with the agent, and with the agent that looks into no runtime (TACIT_TRACES_RUNTIME_PROBES=false:
no call leads to the request it is made for). Each request has its own token in the path, so the spans
of every round are judged: each CLIENT's parent must be the SERVER of the request it was made for."""
import collections
import json
import os

from bench import (ROUNDS, SECONDS, Agent, Service, Spending, folder, middle, paced, ratio, record,
                   running, table, turns)

CONNECTIONS = 16
BELOW = 0.4  # of what the bare services can do
MODES = {"bare": None, "agent": {}, "agent, no linking": {"TACIT_TRACES_RUNTIME_PROBES": "false"}}


def main():
    for loop in os.environ.get("CHAIN_LOOPS", "asyncio uvloop").split():
        rows = {"below": {}, "at": {}}
        with folder() as work, running(
                lambda: Service(work, "c", loop=loop),
                lambda c: Service(work, "b", c.port, loop=loop),
                lambda c, b: Service(work, "a", b.port, loop=loop)) as services:
            peak = paced(services[2].port, "/chain/p%", CONNECTIONS, 0, 3)
            rate = max(1, round(BELOW * peak["requests"] / peak["seconds"]))
            for number, mode in turns(list(MODES)):
                settings = MODES[mode]
                agent = None if settings is None else Agent(
                    work, [s.pid for s in services], "--console", "json", **settings)
                try:
                    for load in rows:
                        rows[load][number, mode] = measure(
                            services, agent, rate if load == "below" else 0, f"{load}{number}")
                finally:
                    if agent:
                        agent.stop()
                if agent:
                    judge(agent, {load: rows[load][number, mode] for load in rows}, number)
        for load, found in rows.items():
            record(f"chain, {loop}, {load}", found)
            report(loop, load, rate, found)


def measure(services, agent, rate, name):
    port = services[2].port
    paced(port, f"/chain/{name}w%", CONNECTIONS, rate, 1)  # warm
    before = agent.settled() if agent else None
    spending = Spending(services, agent)
    row = paced(port, f"/chain/{name}-%", CONNECTIONS, rate, SECONDS)
    spent, own = spending.end()
    if agent:
        row["lost"] = sum(agent.settled()[1].values()) - sum(before[1].values())
    return row | {"throughput": row["requests"] / row["seconds"],
                  "agent_us": own / 1e3 / row["requests"],
                  "servers_us": spent / 1e3 / row["requests"],
                  "cpu_us": (spent + own) / 1e3 / row["requests"]}


def judge(agent, rows, number):
    """Of each measurement: spans of its tokens, and the CLIENT spans' parents."""
    with open(agent.log, errors="replace") as lines:
        spans = [json.loads(line) for line in lines if line.startswith("{")]
    by_id = {span["span_id"]: span for span in spans}
    for load, row in rows.items():
        counts = collections.Counter()
        for span in spans:
            token = span["attributes"].get("url.path", "").removeprefix("/chain/")
            if not token.startswith(f"{load}{number}-"):
                continue
            counts[span["kind"]] += 1
            counts[verdict(span, by_id)] += 1
        row |= {"spans": counts["SERVER"] + counts["CLIENT"],
                "right": counts["right"], "none": counts["none"], "wrong": counts["wrong"],
                "joined": counts["joined"]}


def verdict(span, by_id):
    """right, none or wrong for a CLIENT; for a SERVER joined, unjoined or wrong."""
    parent = by_id.get(span.get("parent_span_id") or "")
    client = span["kind"] == "CLIENT"
    if not span.get("parent_span_id"):
        return "none" if client else "unjoined"
    if not parent or parent["trace_id"] != span["trace_id"]:
        return "wrong"

    def both(place, key):
        return parent[place].get(key) == span[place].get(key)

    # A process serves each token once, so path and process tell the one right SERVER.
    if client:
        right = parent["kind"] == "SERVER" and parent["resource"] == span["resource"]
    else:
        right = parent["kind"] == "CLIENT" and both("attributes", "server.port")
    if not right or not both("attributes", "url.path"):
        return "wrong"
    return "right" if client else "joined"


def least(rows, mode):
    """CPU a request in the round that other work on the machine disturbed least."""
    return min(row["cpu_us"] for (_, m), row in rows.items() if m == mode)


def report(loop, load, rate, rows):
    how = f"at a steady {rate} requests/s" if load == "below" else "as fast as answers come"
    print(f"Three FastAPI services in a chain, {loop}, {load} saturation: {CONNECTIONS} connections, "
          f"{how}, {ROUNDS} alternating rounds of {SECONDS:.0f} s each; bare "
          f"{middle(rows, 'bare', 'throughput'):,.0f} requests/s, p50 "
          f"{middle(rows, 'bare', 'p50') / 1e3:.2f} ms, CPU {middle(rows, 'bare', 'cpu_us'):,.0f} µs "
          f"a request; load average at the end {os.getloadavg()[0]:.1f}\n")
    lines = []
    for mode in list(MODES)[1:]:
        cells = [f"{ratio(rows, mode, figure):.3f}" for figure in
                 ("throughput", "p50", "servers_us", "cpu_us")]
        cells.append(f"{least(rows, mode) / least(rows, 'bare'):.3f}")
        seen = [row for (_, m), row in rows.items() if m == mode]
        total = {key: sum(row[key] for row in seen) for key in
                 ("requests", "spans", "right", "none", "wrong", "joined", "lost")}
        lines.append([mode, *cells, f"{middle(rows, mode, 'agent_us'):.0f} µs",
                      f"{total['spans']} of {5 * total['requests']:.0f}",
                      f"{total['right']} of {2 * total['requests']:.0f}", total["none"],
                      f"{total['joined']} of {2 * total['requests']:.0f}", total["wrong"],
                      total["lost"]])
    off = "agent, no linking"
    lines.append(["linking by no linking", *(f"{ratio(rows, 'agent', figure, off):.3f}" for figure in
                                             ("throughput", "p50", "servers_us", "cpu_us")),
                  f"{least(rows, 'agent') / least(rows, off):.3f}", *["–"] * 7])
    table(["", "throughput", "p50", "servers' CPU a request", "with the agent's", "its least",
           "agent's process", "spans", "calls' right parents", "none", "joined", "wrong", "lost"], lines)


if __name__ == "__main__":
    main()
