"""From results to what people read: one table as text or Markdown, and a plot.

Knows: the rows of results.json.  Must not know: how they were measured.
"""

import math
import shutil
import subprocess

ALARMS = {"calm": "calm", "hogs": "CPU hogs", "loss10": "10 % loss", "loss20": "20 % loss", "jitter": "5 ms jitter"}
_NOTHING = "-"


def statistics(seen, nominal_ms):
    """Of [{"ms", "ideal_ms"}].  Nearest rank: with fewer than 100 trials the 99th percentile is the slowest."""
    times = sorted(s["ms"] for s in seen)
    of_ideal = sorted(s["ms"] / s["ideal_ms"] for s in seen if s["ideal_ms"])
    over_ideal = sorted(s["ms"] - s["ideal_ms"] for s in seen if s["ideal_ms"])
    return {"trials": len(times), "min": times[0], "median": _rank(times, 0.5), "p99": _rank(times, 0.99), "max": times[-1],
            "of_nominal": _rank(times, 0.5) / nominal_ms,
            "of_ideal": _rank(of_ideal, 0.5) if of_ideal else None,
            "over_ideal_ms": _rank(over_ideal, 0.5) if over_ideal else None}


def _rank(ordered, share):
    return ordered[math.ceil(share * len(ordered)) - 1]


def _latency(row, kind):
    m = row.get(kind)
    if not m:
        return [_NOTHING] * 7
    return [_ms(m[k]) for k in ("min", "median", "p99", "max")] + [
        f"{m['of_nominal']:.2f}", f"{m['of_ideal']:.3f}" if m["of_ideal"] else _NOTHING, str(m["trials"])]


def _ms(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _alarm(row, weather):
    """As many as in one minute; the peer's own in brackets where it watches as well."""
    a = row.get("alarms", {}).get(weather)
    if not a or "missing" in a:
        return _NOTHING
    per_minute = 60 / a["seconds"]
    mine = f"{a['observer'] * per_minute:.0f}"
    return mine if a["peer"] is None else f"{mine} ({a['peer'] * per_minute:.0f})"


def _stopped(row):
    """In brackets: how often its peer said that the session is down, which a healthy peer rightly held."""
    s = row.get("stopped")
    if not s or "missing" in s or not s["trials"]:
        return _NOTHING
    return f"{s['wrong']} of {s['trials']}" + (f" ({s['told']} told)" if s["told"] else "")


def _cost(row):
    c = row.get("cost")
    if not c:
        return [_NOTHING] * 7
    calls, packets = c.get("calls_per_s"), c["packets_per_s"]
    return [f"{c['cpu_s_per_min']:.3f}", f"{c['wakeups_per_s']:.0f}", f"{c['rss_kb'] / 1024:.1f}", f"{c['pss_kb'] / 1024:.1f}",
            f"{c['wire_bytes_per_s']:.0f}", _NOTHING if calls is None else f"{calls:.0f}",
            _NOTHING if calls is None or not packets else f"{calls / packets:.1f}"]


_WHO = ["daemon", "nominal ms"]
_PARTS = (
    ("Detection latency in ms: the peer killed", ["min", "median", "p99", "max", "of nominal", "of ideal", "trials"],
     lambda r: _latency(r, "kill")),
    ("Detection latency in ms: the cable cut", ["min", "median", "p99", "max", "of nominal", "of ideal", "trials"],
     lambda r: _latency(r, "cut")),
    ("Wrong: alarms a minute about a healthy peer (in brackets: those of the peer); and after 2 s in which it was stopped",
     [*ALARMS.values(), "wrong after a stop"], lambda r: [_alarm(r, w) for w in ALARMS] + [_stopped(r)]),
    ("Cost of one host in the steady state",
     ["CPU s/min", "wake-ups/s", "RSS MB", "PSS MB", "wire B/s", "calls/s", "calls/packet sent"], _cost),
)


def _parts(results):
    for title, head, cells in _PARTS:
        rows = [[r["daemon"], f"{r['exact_nominal_ms']:.4g}", *cells(r)] for r in results["rows"] if "exact_nominal_ms" in r]
        rows = [r for r in rows if set(r[2:]) != {_NOTHING}]
        if rows:
            yield title, _WHO + head, rows


def _intro(results):
    h = results["host"]
    yield f"{results['made']}: {h['cpus']} x {h['cpu']}, Linux {h['kernel']}, load before {h['load_before']}, {results['minutes']} min"
    yield "; ".join(f"{name} {version}" for name, version in results["versions"].items())


def remarks(results):
    """What could not be measured, and what to know about a daemon."""
    yield from (f"{name}: {text}" for name, text in results["remarks"].items())
    for r in results["rows"]:
        for what, why in r["missing"].items():
            yield f"{r['daemon']}, {r['nominal_ms']} ms, {what}: not measured: {why}"


def text(results):
    out = list(_intro(results))
    for title, head, rows in _parts(results):
        widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
        out += ["", title, ""]
        for cells in [head, *rows]:
            out.append("  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:]))]))
    return "\n".join([*out, "", *(f"* {line}" for line in remarks(results))]) + "\n"


def markdown(results):
    out = [*_intro(results)]
    out[0] += "  "
    for title, head, rows in _parts(results):
        out += ["", f"### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
        out += ["| " + " | ".join(r) + " |" for r in rows]
    return "\n".join([*out, "", *(f"- {line}" for line in remarks(results))]) + "\n"


def plot(results, path):
    """-> None if it is drawn, else why not.  One cluster a setting, one box a daemon: min to max, the mark is the median."""
    if not shutil.which("gnuplot"):
        return "gnuplot is not installed: make bench-peers"
    rows = [r for r in results["rows"] if r.get("kill") or r.get("cut")]
    if not rows:
        return "no latency was measured"
    names = list(dict.fromkeys(r["daemon"] for r in rows))
    settings = sorted({r["nominal_ms"] for r in rows})
    commands = [
        f"set terminal svg size 1100,{560 * 2} font 'sans,13' background 'white'", f"set output '{path}'",
        "set multiplot layout 2,1", "set style fill solid 0.35", "set ylabel 'time to notice / nominal detection time'",
        f"set xrange [-0.5:{len(settings) - 0.5}]", "set yrange [0:*]", "set grid ytics", "set key outside right",
        "set xtics (" + ", ".join(f"'{s} ms' {i}" for i, s in enumerate(settings)) + ")"]
    width = 0.8 / len(names)
    for kind, title in (("kill", "the peer was killed"), ("cut", "the cable was cut")):
        commands.append(f"set title 'Detection latency, {title}: minimum, median, maximum'")
        curves, data = [], []
        for n, name in enumerate(names):
            points = [(settings.index(r["nominal_ms"]) + (n - (len(names) - 1) / 2) * width, r[kind], r["exact_nominal_ms"])
                      for r in rows if r["daemon"] == name and r.get(kind)]
            if points:
                curves.append(f"'-' using 1:2:2:3:3:({width * 0.8}) with candlesticks lc {n + 1} title '{name}', "
                              f"'-' using 1:2:2:2:2:({width * 0.8}) with candlesticks lc {n + 1} lw 3 notitle")
                data += [f"{x} {m['min'] / nominal} {m['max'] / nominal}" for x, m, nominal in points] + ["e"]
                data += [f"{x} {m['median'] / nominal}" for x, m, nominal in points] + ["e"]
        if curves:
            commands += ["plot 1 lc 'black' dt 2 title 'nominal', " + ", ".join(curves), *data]
    drawn = subprocess.run(["gnuplot"], input="\n".join(commands) + "\n", capture_output=True, text=True, check=False)
    return None if drawn.returncode == 0 else f"gnuplot: {drawn.stderr.strip()}"
