# SPDX-License-Identifier: Apache-2.0
"""Network namespaces for a test, made with ip(8) and removed after it."""
import os
import subprocess


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True)


class Namespaces:
    """namespaces.add() → name; run a program in one with inside(name, argv…)."""

    def __init__(self):
        self.names = []

    def add(self):
        name = f"tacit{os.getpid()}n{len(self.names)}"
        ip("netns", "add", name)
        self.names.append(name)
        ip("-n", name, "link", "set", "lo", "up")
        return name

    def join(self, first, second):
        """A cable between two of them; returns their addresses."""
        number = os.getpid() % 250
        ends, addresses = (f"t{os.getpid()}a", f"t{os.getpid()}b"), (f"10.213.{number}.1",
                                                                     f"10.213.{number}.2")
        ip("link", "add", ends[0], "netns", first, "type", "veth", "peer", "name", ends[1],
           "netns", second)
        for name, end, address in zip((first, second), ends, addresses):
            ip("-n", name, "address", "add", f"{address}/30", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        return addresses

    def limit_ports(self, name, first, last):
        """Ports that connections from this namespace get."""
        subprocess.run([*inside(name), "sh", "-c", f"echo {first} {last} > "
                        "/proc/sys/net/ipv4/ip_local_port_range"], check=True, capture_output=True)

    def close(self):
        for name in self.names:
            ip("netns", "del", name)


def inside(name, *argv):
    return ["ip", "netns", "exec", name, *argv]
