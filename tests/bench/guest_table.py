# SPDX-License-Identifier: Apache-2.0
"""Reads guest_init.sh's lines, prints the table: instructions added per request, and whose."""
import collections
import statistics
import sys


def main():
    rows = collections.defaultdict(list)
    for line in sys.stdin:
        _, mode, name, *fields = line.split()
        rows[name, mode].append({key: int(value) for key, value in
                                 (field.split("=") for field in fields)})
    print("| | instructions a request, bare | with agent | added | of them the agent's process |"
          " in kernel and servers | throughput | spans : requests | drops |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(name for name, _ in rows):
        bare, agent = (statistics.median(r["duration_us"] * 1000 / r["requests"]
                                         for r in rows[name, mode]) for mode in ("bare", "agent"))
        own = statistics.median(r["agent_ns"] / r["requests"] for r in rows[name, "agent"])
        spans = ", ".join(f"{r['spans']} : {r['requests']}" for r in rows[name, "agent"])
        drops = max(r["drops"] for r in rows[name, "agent"])
        print(f"| {name} | {bare:,.0f} | {agent:,.0f} | {agent - bare:,.0f} | {own:,.0f} |"
              f" {agent - bare - own:,.0f} | {bare / agent:.3f} | {spans} | {drops} |")


if __name__ == "__main__":
    main()
