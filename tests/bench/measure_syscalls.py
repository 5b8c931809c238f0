# SPDX-License-Identifier: Apache-2.0
"""What the agent adds to one syscall: of a process that it follows, and of any other."""
import statistics
import subprocess

from bench import ROUNDS, TOOLS, Agent, folder, table


class Loop:
    """syscall_cost, which measures one set whenever it is told to."""

    def __init__(self):
        self.process = subprocess.Popen([TOOLS / "syscall_cost"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return {key: float(value) for key, value in
                (word.split("=") for word in self.process.stdout.readline().split())}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def main():
    rows, spans, lost = [], 0, 0
    followed, other = Loop(), Loop()
    try:
        for _ in range(ROUNDS):
            row = {"bare": followed.measure()}
            with folder() as work:
                agent = Agent(work, [followed.pid])
                try:
                    row["not followed"] = other.measure()
                    row["followed"] = followed.measure()
                    (found, dropped) = agent.settled()
                    spans += found["server"] + found["client"]
                    lost += sum(dropped.values())
                finally:
                    agent.stop()
            rows.append(row)
    finally:
        followed.stop()
        other.stop()
    report(rows)
    calls = sum(row["followed"]["calls"] for row in rows)
    print(f"(the followed process made {calls:.0f} exchanges with itself, each seen as SERVER and as "
          f"CLIENT: {spans} spans, {lost} transfers counted as lost)\n")


def report(rows):
    def middle(who, what, parts=1):
        return statistics.median(row[who][what] for row in rows) / parts

    def added(who, what, parts=1):
        return statistics.median(row[who][what] - row["bare"][what] for row in rows) / parts

    print(f"One syscall, least of 200 short runs, median of {ROUNDS} alternating rounds\n")
    lines = []
    for name, what, parts in (("getppid (a syscall of no interest)", "getppid", 1),
                              ("write of 158 bytes to /dev/null", "write_null", 1),
                              ("read or write of an HTTP message on a TCP socket, mean of four",
                               "exchange", 4)):
        lines.append([name, f"{middle('bare', what, parts):.0f} ns",
                      f"{added('not followed', what, parts):+.0f} ns",
                      f"{added('followed', what, parts):+.0f} ns"])
    table(["", "bare", "process not followed", "process followed"], lines)


if __name__ == "__main__":
    main()
