# SPDX-License-Identifier: Apache-2.0
"""nginx serving a small file, saturated by wrk on all cores that the agent also has."""
import statistics

from bench import (ROUNDS, SECONDS, Agent, Nginx, Spending, folder, middle, ratio, record, running,
                   table, turns, wrk)

CONNECTIONS = 32


def main():
    rows = {}
    with folder() as work, running(lambda: Nginx(work / "target"),
                                   lambda _: Nginx(work / "sink")) as (target, sink):
        traces = ("--otlp-endpoint", f"http://127.0.0.1:{sink.port}", "--otlp-protocol",
                  "http/protobuf")
        modes = {"bare": None, "metrics": (), "metrics and OTLP traces": traces}
        wrk(target.port, "/index.html", CONNECTIONS, 2)
        for number, mode in turns(list(modes)):
            agent = None if modes[mode] is None else Agent(work, [target.pid], *modes[mode])
            try:
                rows[number, mode] = measure(target, agent)
            finally:
                if agent:
                    agent.stop()
    record("nginx", rows)
    report(rows, list(modes))


def measure(target, agent):
    wrk(target.port, "/index.html", CONNECTIONS, 1)  # warm
    before = agent.settled() if agent else None
    spending = Spending([target], agent)
    row = wrk(target.port, "/index.html", CONNECTIONS, SECONDS)
    server, own = spending.end()
    if agent:
        after = agent.settled()
        row["spans"] = after[0]["server"] - before[0]["server"]
        row["lost"] = {k: v - before[1].get(k, 0) for k, v in after[1].items()}
    row |= {"throughput": row["requests"] / row["seconds"],
            "agent_us": own / 1e3 / row["requests"],
            "server_us": server / 1e3 / row["requests"],
            "cpu_us": (server + own + row["cpu_ns"]) / 1e3 / row["requests"]}
    return row


def added(rows, mode):
    return statistics.median(rows[n, mode]["cpu_us"] - rows[n, "bare"]["cpu_us"]
                             for n in range(1, ROUNDS + 1))


def report(rows, modes):
    print(f"nginx, 612-byte file, wrk -t1 -c{CONNECTIONS}, {ROUNDS} alternating rounds of "
          f"{SECONDS:.0f} s each; bare {middle(rows, 'bare', 'throughput'):,.0f} requests/s, CPU a "
          f"request {middle(rows, 'bare', 'cpu_us'):.2f} µs (nginx "
          f"{middle(rows, 'bare', 'server_us'):.2f})\n")
    lines = []
    for mode in modes[1:]:
        seen = [rows[n, mode] for n in range(1, ROUNDS + 1)]
        lost = {}
        for row in seen:
            for reason, count in row["lost"].items():
                lost[reason] = lost.get(reason, 0) + count
        lines.append([mode, f"{ratio(rows, mode, 'throughput'):.3f}",
                      f"{ratio(rows, mode, 'cpu_us'):.3f}", f"{added(rows, mode):.2f} µs",
                      f"{middle(rows, mode, 'agent_us'):.2f} µs",
                      f"{ratio(rows, mode, 'p50'):.2f}, {ratio(rows, mode, 'p99'):.2f}",
                      f"{sum(r['spans'] for r in seen)} : {sum(r['requests'] for r in seen)}",
                      ", ".join(f"{k}: {v}" for k, v in lost.items() if v) or "none"])
    table(["agent", "throughput", "CPU a request", "added", "of it the agent's process",
           "p50, p99 ratio", "spans : requests", "counted as lost"], lines)


if __name__ == "__main__":
    main()
