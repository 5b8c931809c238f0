# SPDX-License-Identifier: Apache-2.0
"""What of the agent's is loaded in the kernel."""
import json
import os
import subprocess

KINDS = ("prog", "map", "link")


def held():
    """{(kind, id)}: all BPF objects of this machine."""
    objects = set()
    for kind in KINDS:
        text = subprocess.run(["bpftool", "-j", kind, "show"], check=True, capture_output=True,
                              text=True).stdout
        objects |= {(kind, item["id"]) for item in json.loads(text or "[]")}
    return objects


def of_process(pid):
    """{(kind, id)}: those this process holds a descriptor of."""
    objects = set()
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{number}") as lines:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
        except FileNotFoundError:
            continue
        # A link's descriptor names its program too.
        for kind in ("link", "map", "prog"):
            if f"{kind}_id" in fields:
                objects.add((kind, int(fields[f"{kind}_id"])))
                break
    return objects
