# SPDX-License-Identifier: Apache-2.0
"""The agent's /metrics, as Prometheus reads it."""
import re
import urllib.error
import urllib.request

from harness.processes import wait_until

_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def parse(text):
    """[(name, labels, value)] of the text exposition format."""
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match.groups()
        assert labels is None or "".join(m.group(0) for m in _LABEL.finditer(labels)) == labels
        samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))
    return samples


class Page:
    """One agent's page; read() again for new figures."""

    def __init__(self, port):
        self.port = port
        self.text = ""

    def read(self):
        self.text = wait_until(self._fetch, "the page")
        return self

    def _fetch(self):
        """None in the moment between listening and having the page."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
                return page.read().decode()
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def rows(self, name, **labels):
        """{all labels as a frozenset of pairs: value} of the series with these labels."""
        return {frozenset(have.items()): value for sample, have, value in parse(self.text)
                if sample == name and all(have.get(key) == want for key, want in labels.items())}

    def total(self, name, **labels):
        return sum(self.rows(name, **labels).values())

    def until(self, name, value, **labels):
        """Reads until the sum of these series has come to value: spans arrive a moment late."""
        try:
            wait_until(lambda: self.read().total(name, **labels) >= value, f"{name} of {value}", 30)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.total(name, **labels)}") from None
        return self
