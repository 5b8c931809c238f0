# SPDX-License-Identifier: Apache-2.0
"""What of the agent's is loaded in the kernel, by bpftool: everything one process holds."""
import json
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
    for kind in KINDS:
        text = subprocess.run(["bpftool", "-j", kind, "show"], check=True, capture_output=True,
                              text=True).stdout
        objects |= {(kind, item["id"]) for item in json.loads(text or "[]")
                    if any(owner["pid"] == pid for owner in item.get("pids", []))}
    return objects
