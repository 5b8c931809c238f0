#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds Jaeger's server from the Go proxy: usage: build_jaeger.py OUTPUT_FILE.

`go install` refuses a module whose go.mod has replace lines, so a module is made for the occasion
that requires it, repeats its requirements and keeps its checksums; its own is pinned below."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

MODULE, VERSION = "github.com/jaegertracing/jaeger", "v1.76.0"
SUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="


def go(*arguments, cwd):
    return subprocess.run(["go", *arguments], cwd=cwd, check=True, capture_output=True,
                          text=True).stdout


def requirements(module):
    lines = ["module tacit/tests/jaeger", f"go {module['Go']}", f"require {MODULE} {VERSION}"]
    for item in module.get("Require") or []:
        note = " // indirect" if item.get("Indirect") else ""
        lines.append(f"require {item['Path']} {item['Version']}{note}")
    for item in module.get("Replace") or []:
        old, new = item["Old"], item["New"]
        if new.get("Version"):
            lines.append(f"replace {old['Path']} {old.get('Version', '')} => "
                         f"{new['Path']} {new['Version']}")
    return "\n".join(lines) + "\n"


def main(out):
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        info = json.loads(go("mod", "download", "-json", f"{MODULE}@{VERSION}", cwd=place))
        if info["Sum"] != SUM:
            sys.exit(f"the checksum of {MODULE} {VERSION} is {info['Sum']}, not {SUM}")
        module = json.loads(go("mod", "edit", "-json", info["GoMod"], cwd=place))
        (place / "go.mod").write_text(requirements(module))
        shutil.copyfile(pathlib.Path(info["Dir"], "go.sum"), place / "go.sum")
        (place / "go.sum").chmod(0o644)
        subprocess.run(["go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", out,
                        f"{MODULE}/cmd/jaeger"], cwd=place, check=True)


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
