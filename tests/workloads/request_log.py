# SPDX-License-Identifier: Apache-2.0
"""What a workload did, by its own account: one JSON object a line in the file $REQUEST_LOG.

Fields: side ("client" or "server"), method, path, status (null: none was received or sent),
request_bytes, response_bytes (bodies), server_port, client_port, start_ns, end_ns (unix time).
A field that a workload cannot know is left out, and is then not compared. The checker is
tests/harness/oracle.py.
"""
import json
import os
import time

now = time.time_ns
_file = -1


def record(side, method, path, status, **fields):
    """Appends one line, in one write: many processes share the file."""
    global _file
    if _file < 0:
        name = os.environ.get("REQUEST_LOG", os.devnull)
        _file = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    line = {"side": side, "method": method, "path": path, "status": status, "pid": os.getpid()}
    line.update({name: value for name, value in fields.items() if value is not ...})
    os.write(_file, (json.dumps(line) + "\n").encode())


def reply_plan(headers):
    """What the request asks of a server: status, body bytes, chunked or not, delay in seconds."""
    return (int(headers.get("x-reply-status", 200)), int(headers.get("x-reply-bytes", 0)),
            headers.get("x-reply-chunked") == "1", int(headers.get("x-reply-delay-ms", 0)) / 1000)
