# SPDX-License-Identifier: Apache-2.0
"""Judges parents: what services say of who called whom (workloads/calls.py) against the spans.

Spans carry the token of their exchange, the header X-Token (OPTIONS below makes the agent export
it). A CLIENT span's parent must be the SERVER span of the request that the call was made for; a
SERVER span's, the CLIENT span of the same exchange."""
import collections
import dataclasses

TOKEN = "http.request.header.x-token"
SOURCE = "tacit.parent.source"
# Settings of the agent that the judgement needs.
ENVIRONMENT = {"TACIT_HTTP_REQUEST_HEADERS": "x-token"}


def token_of(span):
    value = span[TOKEN]
    return value[0] if isinstance(value, list) and value else value


@dataclasses.dataclass
class Tally:
    """What came of one cell of the table."""
    calls: int = 0
    right: int = 0
    missing: int = 0
    ambiguous: int = 0
    wrong: int = 0
    complaints: list = dataclasses.field(default_factory=list)
    # (handler, verdict) of what is not right
    handlers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    sources: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    @property
    def recall(self):
        return self.right / self.calls if self.calls else 0.0

    @property
    def precision(self):
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    def add(self, other):
        for name in ("calls", "right", "missing", "ambiguous", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.complaints += other.complaints
        self.sources += other.sources

    def complain(self, verdict, text):
        setattr(self, verdict, getattr(self, verdict) + 1)
        self.complaints.append(f"{verdict}: {text}")

    def shown(self, most=12):
        """Wrong ones first: they matter most."""
        ordered = sorted(self.complaints, key=lambda text: not text.startswith("wrong"))
        more = f"\n  … and {len(ordered) - most} more" if len(ordered) > most else ""
        where = ", ".join(f"{handler} {count} {verdict}" for (handler, verdict), count
                          in sorted(self.handlers.items()))
        return "\n  ".join([str(self) + (f" ({where})" if where else ""), *ordered[:most]]) + more

    def __str__(self):
        return (f"{self.calls} calls: {self.right} right, {self.missing} missing, "
                f"{self.ambiguous} ambiguous, {self.wrong} wrong")


class Judge:
    """Joins spans with the lines that services logged."""

    def __init__(self, spans, lines=()):
        self.by_id = {span.span_id: span for span in spans}
        self.by_token = collections.defaultdict(list)
        for span in spans:
            if token_of(span):
                self.by_token[span.kind, token_of(span)].append(span)
        self.lines = [line for line in lines if line.get("side") == "call"]

    def describe(self, identity):
        span = self.by_id.get(identity)
        if span is None:
            return f"a span {identity} that was not exported"
        return f"{span.kind} {token_of(span) or span.name} of {span.service}"

    def _one(self, tally, what, span, expected, expected_name):
        """One span against the one parent it may have."""
        found = span.parent_span_id
        source = span[SOURCE]
        if not found:
            verdict = "ambiguous" if source == "ambiguous" else "missing"
            tally.complain(verdict, f"{what}: expected {expected_name}, has no parent"
                           f" (source {source})")
        elif not expected or found != expected.span_id:
            tally.complain("wrong", f"{what}: expected {expected_name}, has "
                           f"{self.describe(found)} (source {source})")
        elif span.trace_id != expected.trace_id:
            tally.complain("wrong", f"{what}: parent {expected_name} is right, but the trace is "
                           f"{span.trace_id}, not {expected.trace_id}")
        else:
            tally.right += 1
            tally.sources[source] += 1

    def calls(self, prefix=""):
        """CLIENT spans of all logged calls whose token begins so: parent within the service."""
        tally = Tally()
        for line in self.lines:
            token, serving = line["token"], line["serving"]
            if not token.startswith(prefix) or not serving:
                continue
            tally.calls += 1
            servers = self.by_token["SERVER", serving]
            handler = servers[0].path if servers else "?"
            before = len(tally.complaints)
            self._best(tally, f"call {token} of {handler} (process {line['pid']})",
                       self.by_token["CLIENT", token],
                       servers[0] if len(servers) == 1 else None,
                       f"SERVER {serving}" + ("" if len(servers) == 1 else
                                              f" ({len(servers)} spans)"))
            for complaint in tally.complaints[before:]:
                tally.handlers[handler, complaint.split(":")[0]] += 1
        return tally

    def _best(self, tally, what, spans, expected, expected_name):
        """A client may send a request twice (a kept connection was closed): the worst one counts."""
        if not spans:
            tally.complain("missing", f"{what}: no span")
            return
        each = [Tally() for _ in spans]
        for part, span in zip(each, spans):
            self._one(part, what, span, expected, expected_name)
        tally.add(max(each, key=lambda part: (part.wrong, part.ambiguous, part.missing)))

    def causeless(self):
        """Calls that no request caused: a SERVER parent is wrong. calls counts all of them."""
        tally = Tally()
        for line in self.lines:
            if line["serving"]:
                continue
            tally.calls += 1
            for span in self.by_token["CLIENT", line["token"]]:
                parent = self.by_id.get(span.parent_span_id)
                if span.parent_span_id and (parent is None or not parent.is_program):
                    tally.complain("wrong", f"call {line['token']}, caused by no request: has "
                                   f"{self.describe(span.parent_span_id)} (source {span[SOURCE]})")
                    break
            else:
                tally.right += 1
        return tally

    def joins(self, prefix="", tokens=None):
        """SERVER spans of all exchanges whose two ends were seen: parent is the CLIENT span."""
        tally = Tally()
        if tokens is None:
            tokens = [line["token"] for line in self.lines]
        for token in tokens:
            if not token.startswith(prefix):
                continue
            tally.calls += 1
            clients = {span.span_id: span for span in self.by_token["CLIENT", token]}
            servers = self.by_token["SERVER", token]
            if len(clients) == len(servers) == 2:  # sent twice, and received twice
                first = servers[0].parent_span_id
                if first and first == servers[1].parent_span_id:
                    tally.complain("wrong", f"exchange {token}: two requests, one parent")
                    continue
            each = Tally()
            for span in servers[:1] if len(clients) < 2 else servers:
                expected = clients.get(span.parent_span_id) or next(iter(clients.values()), None)
                self._one(each, f"exchange {token}", span, expected, f"CLIENT {token}")
            if not servers:
                each.complain("missing", f"exchange {token}: no SERVER span")
            tally.complaints += each.complaints
            tally.sources += each.sources
            for verdict in ("wrong", "ambiguous", "missing", "right"):
                if getattr(each, verdict):
                    setattr(tally, verdict, getattr(tally, verdict) + 1)
                    break
        return tally


class Table:
    """Rows of all cells of a run, as Markdown."""
    HEAD = ("| stack | what | at a time | calls | right | missing | ambiguous | wrong | recall | "
            "precision | by |")

    def __init__(self):
        self.rows = []
        self.cells = []

    def add(self, stack, what, concurrency, tally):
        self.cells.append((stack, what, concurrency, tally))
        by = ", ".join(f"{source} {count}" for source, count in tally.sources.most_common())
        self.rows.append(
            f"| {stack} | {what} | {concurrency} | {tally.calls} | {tally.right} | "
            f"{tally.missing} | {tally.ambiguous} | {tally.wrong} | {100 * tally.recall:.2f} % | "
            f"{100 * tally.precision:.2f} % | {by} |")

    def summary(self):
        """One row a stack: all of its calls, and recall by concurrency."""
        rows = ["| stack | calls | missing | ambiguous | wrong | recall at 1 | 20 | 100 at a time |",
                "|---|---:|---:|---:|---:|---:|---:|---:|"]
        cells = collections.defaultdict(list)
        for stack, what, _, tally in self.cells:
            cells[stack if what == "in the service" else "joins, all stacks"].append(tally)
        joins = cells.pop("joins, all stacks", [])
        for stack, tallies in cells.items():
            rows.append(self._summed(stack, tallies, tallies))
        if joins:
            every = [Tally() for _ in range(3)]
            for number, tally in enumerate(joins):
                every[number % 3].add(tally)
            rows.append(self._summed("same-host joins of all these", joins, every))
        return "\n".join(rows) + "\n"

    @staticmethod
    def _summed(name, tallies, by_concurrency):
        total = Tally()
        for tally in tallies:
            total.add(tally)
        figures = [total.calls, total.missing, total.ambiguous, total.wrong,
                   *(f"{100 * tally.recall:.1f} %" for tally in by_concurrency)]
        return f"| {name} | " + " | ".join(map(str, figures)) + " |"

    def text(self):
        rule = "|---|---|" + "---:|" * 8 + "---|"
        return "\n".join([self.HEAD, rule, *self.rows]) + "\n"
