"""What a benchmark says: spreads of values, tables for people and for docs/, JSON for programs.

Knows: percentiles, Markdown.  Must not know: what was measured.
"""

import json
import math
import os

from tests.bench import origin


FEW = "of fewer than 100 trials it is the slowest one"


def percentile(values, percent):
    """By nearest rank: a value that was really measured.  Of less than 100 values, the 99th is the largest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(values):
    """{n, min, median, p99, max}; nothing but n without values."""
    values = [v for v in values if v is not None]
    if not values:
        return {"n": 0}
    found = {"min": min(values), "median": percentile(values, 50), "p99": percentile(values, 99), "max": max(values)}
    return {"n": len(values), **{k: round(v, 3) for k, v in found.items()}}


def spread_cells(values):
    """median, p99 and max as text."""
    found = spread(values)
    return [f"{found[k]:.2f}" if found["n"] else "-" for k in ("median", "p99", "max")]


def mean(values):
    return sum(values) / len(values)


class Table:
    def __init__(self, title, *columns):
        self.title, self.columns, self.rows = title, columns, []

    def add(self, *cells):
        assert len(cells) == len(self.columns), cells
        self.rows.append([str(c) for c in cells])

    def text(self):
        lines = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in lines) for i in range(len(self.columns))]
        return "\n".join([self.title, *("  " + _row(row, widths) for row in lines)])

    def markdown(self):
        rule = [":--"] + ["--:"] * (len(self.columns) - 1)
        return "\n".join([f"### {self.title}", "", *("| " + " | ".join(row) + " |" for row in [self.columns, rule, *self.rows])])


def _row(cells, widths):
    return "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))).rstrip()


def publish(path, source, results, tables, markdown, notes=()):
    """Prints the tables; writes results and their source (origin.now(), before anything was measured) as JSON to path, and
    the tables beside it as .txt, from where `make bench-docs` takes them."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(source | results, f, indent=1)
        f.write("\n")
    with open(os.path.splitext(path)[0] + ".txt", "w", encoding="utf-8") as f:
        f.write("\n\n".join([origin.line(source), *(t.text() for t in tables), *notes]) + "\n")
    said = [origin.line(source), *(t.markdown() if markdown else t.text() for t in tables), *notes]
    print("\n" + "\n\n".join(said), flush=True)
