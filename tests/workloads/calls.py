# SPDX-License-Identifier: Apache-2.0
"""The truth about who called whom, for the oracle (tests/harness/parents.py).

Each exchange has a token in its header X-Token. A service logs, for each call it makes, two lines
in $REQUEST_LOG: {"side": "call", "token": the call's, "serving": token of the request that it is
made for, "pid": N} before, and the same with "done" after. "serving" is "" for a call that no
request causes."""
import contextlib
import json
import os
import zlib

NEXT = os.environ.get("NEXT_URL", "")
_log = os.open(os.environ.get("REQUEST_LOG", os.devnull),
               os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def spread(token):
    return zlib.crc32(token.encode()) >> 4


def target(token):
    """The URL of a call: every third is to a slow page."""
    return f"{NEXT}/{'fast' if spread(token) % 3 else 'slow'}"


def _write(side, token, serving):
    line = {"side": side, "token": token, "serving": serving, "pid": os.getpid()}
    os.write(_log, (json.dumps(line) + "\n").encode())


@contextlib.contextmanager
def logged(serving, name):
    """with logged(request's token, "0") as (url, headers): make the call."""
    token = f"{serving}.{name}" if serving else name
    _write("call", token, serving)
    yield target(token), {"X-Token": token}
    _write("done", token, serving)


def pause_of(token):
    """Seconds that a handler takes before it calls: 0 to 20 ms."""
    return spread(token) % 20 / 1000
