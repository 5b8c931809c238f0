# SPDX-License-Identifier: Apache-2.0
"""The command that `tacit exec` runs in the tests: starts what the test asks for.

Reads one JSON object a line from standard input, answers each with one line on standard output:
  {"do": "start", "argv": [...], "env": {...}, "cwd": ..., "stdout": path, "stderr": path,
   "stdin": path} -> {"pid": N}
  {"do": "wait", "pid": N, "timeout": seconds} -> {"returncode": N or null}
At end of input it ends what is still running, by process id, and exits with 0.
"""
import json
import os
import signal
import subprocess
import sys


def start(request):
    with open(request["stdout"], "ab") as out, open(request["stderr"], "ab") as err, \
            open(request["stdin"], "rb") as inp:
        return subprocess.Popen(request["argv"], env=request["env"], cwd=request["cwd"],
                                stdin=inp, stdout=out, stderr=err)


def answer(request, children):
    if request["do"] == "start":
        try:
            child = start(request)
        except OSError as error:
            return {"error": str(error)}
        children[child.pid] = child
        return {"pid": child.pid}
    try:
        return {"returncode": children[request["pid"]].wait(request["timeout"])}
    except subprocess.TimeoutExpired:
        return {"returncode": None}


def end(children):
    running = [child for child in children.values() if child.poll() is None]
    for child in running:
        child.send_signal(signal.SIGTERM)
    for child in running:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main():
    children = {}
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # The answers get a descriptor of their own that no child inherits.
    answers = os.fdopen(os.dup(1), "w")
    try:
        for line in sys.stdin:
            answers.write(json.dumps(answer(json.loads(line), children)) + "\n")
            answers.flush()
    finally:
        end(children)


if __name__ == "__main__":
    main()
