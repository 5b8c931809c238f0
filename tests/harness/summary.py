#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the results of all suites and prints them; the exit status says whether all is well.

usage: summary.py RESULTS_DIR: reads NAME.xml (JUnit, of ctest and pytest) and NAME.tsv (lines
"test<TAB>passed|failed|skipped<TAB>note"). The last line is "N passed, N failed, N skipped".
"""
import collections
import pathlib
import sys
import xml.etree.ElementTree


def from_junit(path):
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname') or ''}.{case.get('name')}".strip(".")
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed", ""
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            yield name, "skipped", (skipped.get("message") or "") if skipped is not None else ""
        else:
            yield name, "passed", ""


def from_table(path):
    for line in path.read_text().splitlines():
        name, result, note = (line.split("\t") + [""])[:3]
        yield name, result, note


def results(path):
    try:
        yield from from_junit(path) if path.suffix == ".xml" else from_table(path)
    except (xml.etree.ElementTree.ParseError, ValueError) as error:
        yield path.name, "failed", f"unreadable result: {error}"


def main(directory):
    total = collections.Counter()
    for path in sorted(pathlib.Path(directory).iterdir()):
        if path.suffix not in (".xml", ".tsv"):
            continue
        counts = collections.Counter()
        for name, result, note in results(path):
            counts[result] += 1
            if result != "passed":
                print(f"  {result}: {path.stem}: {name}{': ' + note if note else ''}")
        print(f"{path.stem:12} {counts['passed']:5} passed {counts['failed']:4} failed "
              f"{counts['skipped']:4} skipped")
        total += counts
    print()
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
