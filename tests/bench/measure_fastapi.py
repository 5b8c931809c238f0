# SPDX-License-Identifier: Apache-2.0
"""A FastAPI handler that makes one httpx call to a second service: bare, with the agent, and with
the OpenTelemetry Python SDK's auto-instrumentation, below saturation and at it."""
from bench import (ROUNDS, SECONDS, Agent, Nginx, Service, Spending, folder, middle, paced, ratio,
                   record, running, table, turns)

CONNECTIONS = 16
BELOW = 0.4  # of what the bare service can do


def main():
    rows = {"below": {}, "at": {}}
    with folder() as work, running(
            lambda: Nginx(work / "sink"),
            lambda _: Service(work, "plain-item"),
            lambda _, item: Service(work, "plain-call", item.port),
            lambda sink, *_: Service(work, "sdk-item", sink_port=sink.port),
            lambda sink, _, __, item: Service(work, "sdk-call", item.port, sink.port)) as started:
        sink, *plain = started[:3]
        sdk = started[3:]
        traces = ("--otlp-endpoint", f"http://127.0.0.1:{sink.port}", "--otlp-protocol",
                  "http/protobuf")
        modes = {"bare": (plain, None), "agent, metrics": (plain, ()),
                 "agent, metrics and OTLP traces": (plain, traces), "OpenTelemetry SDK": (sdk, None)}
        for services in (plain, sdk):
            peak = paced(services[1].port, "/call", CONNECTIONS, 0, 3)
            if services is plain:
                rate = round(BELOW * peak["requests"] / peak["seconds"])
        for number, mode in turns(list(modes)):
            services, options = modes[mode]
            agent = None if options is None else Agent(work, [s.pid for s in services], *options)
            try:
                for load in rows:
                    rows[load][number, mode] = measure(services, agent,
                                                       rate if load == "below" else 0)
            finally:
                if agent:
                    agent.stop()
    for load, found in rows.items():
        record(f"fastapi, {load}", found)
        report(load, rate, found, list(modes))


def measure(services, agent, rate):
    paced(services[1].port, "/call", CONNECTIONS, rate, 1)  # warm
    before = agent.settled() if agent else None
    spending = Spending(services, agent)
    row = paced(services[1].port, "/call", CONNECTIONS, rate, SECONDS)
    spent, own = spending.end()
    if agent:
        after = agent.settled()
        row["server"] = after[0]["server"] - before[0]["server"]
        row["client"] = after[0]["client"] - before[0]["client"]
        row["lost"] = sum(after[1].values()) - sum(before[1].values())
    return row | {"throughput": row["requests"] / row["seconds"],
                  "agent_us": own / 1e3 / row["requests"],
                  "cpu_us": (spent + own) / 1e3 / row["requests"]}


def report(load, rate, rows, modes):
    how = f"at a steady {rate} requests/s" if load == "below" else "as fast as answers come"
    print(f"FastAPI handler with one httpx call, {load} saturation: {CONNECTIONS} connections, {how}, "
          f"{ROUNDS} alternating rounds of {SECONDS:.0f} s each; bare "
          f"{middle(rows, 'bare', 'throughput'):,.0f} requests/s, p50 "
          f"{middle(rows, 'bare', 'p50') / 1e3:.2f} ms, p99 {middle(rows, 'bare', 'p99') / 1e3:.2f} ms,"
          f" CPU {middle(rows, 'bare', 'cpu_us'):,.0f} µs a request\n")
    lines = []
    for mode in modes[1:]:
        cells = [f"{ratio(rows, mode, figure):.3f}" for figure in
                 ("throughput", "p50", "p99", "cpu_us")]
        seen = [row for (_, m), row in rows.items() if m == mode]
        if "server" in seen[0]:
            asked, server, client, lost = (sum(r[k] for r in seen) for k in
                                           ("requests", "server", "client", "lost"))
            cells += [f"{middle(rows, mode, 'agent_us'):.1f} µs",
                      f"{server} SERVER of {2 * asked:.0f}, {client} CLIENT of {asked:.0f}", lost]
        lines.append([mode, *cells, *["–"] * (7 - len(cells))])
    table(["", "throughput", "p50", "p99", "CPU a request", "agent's process a request", "spans",
           "counted as lost"], lines)


if __name__ == "__main__":
    main()
