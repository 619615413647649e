"""From results to what people read: one table as text or Markdown, and a plot.

Knows: the rows of results.json.  Must not know: how they were measured.
"""

import shutil
import subprocess

from tests.bench import origin
from tests.bench.live import figures

ALARMS = {"calm": "calm", "hogs": "CPU hogs", "loss10": "10 % loss", "loss20": "20 % loss", "jitter": "5 ms jitter"}
# What has no place in a steady state: disks, logs, new memory.
_UNWANTED = ("open", "openat", "write", "fsync", "fdatasync", "rename", "brk", "mmap")
_NOTHING = "-"


def statistics(seen, nominal_ms):
    """Of [{"ms", "ideal_ms"}], at least one."""
    times = [s["ms"] for s in seen]
    known = [s for s in seen if s["ideal_ms"]]
    median = figures.percentile(times, 50)
    return figures.spread(times) | {
        "of_nominal": median / nominal_ms,
        "of_ideal": figures.percentile([s["ms"] / s["ideal_ms"] for s in known], 50) if known else None,
        "over_ideal_ms": figures.percentile([s["ms"] - s["ideal_ms"] for s in known], 50) if known else None}


def _latency(row, kind):
    m = row.get(kind)
    if not m:
        return [_NOTHING] * 7
    return [_ms(m[k]) for k in ("min", "median", "p99", "max")] + [
        f"{m['of_nominal']:.2f}", f"{m['of_ideal']:.3f}" if m["of_ideal"] else _NOTHING, str(m["n"])]


def _ms(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _alarm(row, weather):
    """As many as in one minute; the peer's own in brackets where it watches as well."""
    a = row.get("alarms", {}).get(weather)
    if not a or "missing" in a:
        return _NOTHING
    mine = _rate(a["observer"], a["seconds"])
    return mine if a["peer"] is None else f"{mine} ({_rate(a['peer'], a['seconds'])})"


def _rate(count, seconds):
    """0 is none at all: one in ten minutes is 0.1."""
    per_minute = count * 60 / seconds
    return f"{per_minute:.0f}" if count == 0 or per_minute >= 10 else f"{per_minute:.2g}"


def _stopped(row):
    """In brackets: how often its peer said that the session is down, which a healthy peer rightly held."""
    s = row.get("stopped")
    if not s or "missing" in s or not s["trials"]:
        return _NOTHING
    return f"{s['wrong']} of {s['trials']}" + (f" ({s['told']} told)" if s["told"] else "")


def _cost(row):
    c = row.get("cost")
    if not c:
        return [_NOTHING] * 5
    calls, packets = c.get("calls_per_s"), c["packets_per_s"]
    counted = [_NOTHING] * 2 if calls is None or not packets else [f"{calls:.0f}", f"{calls / packets:.1f}"]
    return [f"{c['cpu_s_per_min']:.3f}", f"{c['wakeups_per_s']:.0f}", f"{c['wire_bytes_per_s']:.0f}", *counted]


def _memory(row):
    m = row.get("memory")
    if not m or "missing" in m:
        return [_NOTHING] * 3
    return [f"{m[k] / 1024:.1f}" for k in ("rss_kb", "pss_kb", "private_kb")]


_WHO = ["daemon", "nominal ms"]
_PARTS = (
    ("Detection latency in ms: the peer killed", ["min", "median", "p99", "max", "of nominal", "of ideal", "trials"],
     lambda r: _latency(r, "kill")),
    ("Detection latency in ms: the cable cut", ["min", "median", "p99", "max", "of nominal", "of ideal", "trials"],
     lambda r: _latency(r, "cut")),
    ("Wrong about a healthy peer: alarms a minute (in brackets: those of the peer), and after it was stopped for 2 s",
     [*ALARMS.values(), "wrong after a stop"], lambda r: [_alarm(r, w) for w in ALARMS] + [_stopped(r)]),
    ("Cost of one host in the steady state",
     ["CPU s/min", "wake-ups/s", "wire B/s", "calls/s", "calls/packet sent"], _cost),
    ("Memory of one host on which the daemon runs alone, in MB", ["RSS", "PSS", "private"], _memory),
)


def _parts(results):
    for title, head, cells in _PARTS:
        part = figures.Table(title, *_WHO, *head)
        for r in results["rows"]:
            if "exact_nominal_ms" in r and set(cells(r)) != {_NOTHING}:
                part.add(r["daemon"], f"{r['exact_nominal_ms']:.4g}", *cells(r))
        if part.rows:
            yield part
    part = figures.Table("Targets of ftd", "", "target", "measured", "reached")
    for t in results["targets"]:
        part.add(t["what"], t["target"], t["measured"], "yes" if t["reached"] else "NO")
    if part.rows:
        yield part


def targets(rows):
    """[{"what", "target", "measured", "reached"}] of each row of ftd."""
    found = []

    def target(what, wanted, measured, reached):
        found.append({"what": what, "target": wanted, "measured": measured, "reached": reached})

    for r in (r for r in rows if _is_ftd(r)):
        who = f"{r['daemon']}, {r['nominal_ms']} ms"
        ratios = [r[kind]["of_ideal"] for kind in ("kill", "cut") if r.get(kind) and r[kind]["of_ideal"]]
        if ratios:
            target(f"{who}: latency, median of ideal, the worse of killed and cut", "<= 1.02", f"{max(ratios):.3f}",
                   max(ratios) <= 1.02)
        seen = {weather: a for weather, a in r.get("alarms", {}).items() if "missing" not in a}
        if seen:
            alarms, minutes = sum(_both(a) for a in seen.values()), sum(a["seconds"] for a in seen.values()) / 60
            target(f"{who}: alarms of both sides, all weathers", "0", f"{alarms} in {minutes:.3g} min", alarms == 0)
        if "loss20" in seen and r["nominal_ms"] == 30 and "2 links" not in r["daemon"]:
            rate = _both(seen["loss20"]) * 60 / seen["loss20"]["seconds"]
            target(f"{who}: alarms a minute of both sides, 20 % loss", "< 1", f"{rate:.2g}", rate < 1)
        stops = r.get("stopped")
        if stops and "missing" not in stops:
            target(f"{who}: wrong after a stop", "0", f"{stops['wrong']} of {stops['trials']}", stops["wrong"] == 0)
    return found


def _is_ftd(row):
    return row["daemon"].startswith("ftd")


def _both(alarm):
    return alarm["observer"] + (alarm["peer"] or 0)


def _intro(results):
    o = results["options"]
    yield (f"{origin.line(results)}, {results['minutes']} min, {o['trials']} trials of each latency (half as many from "
           f"900 ms on), {o['seconds']:g} s of each weather")
    yield "; ".join(f"{name} {version}" for name, version in results["versions"].items())


def remarks(results):
    """What could not be measured, and what to know about a daemon."""
    yield from (f"{name}: {text}" for name, text in results["remarks"].items())
    yield from _calls(results["rows"])
    for r in results["rows"]:
        for what, why in r["missing"].items():
            yield f"{r['daemon']}, {r['nominal_ms']} ms, {what}: not measured: {why}"


def _calls(rows):
    """What ftd asks of the kernel in the steady state, at the setting nearest to 150 ms: at 30, strace makes alarms."""
    counted = [r for r in rows if _is_ftd(r) and r.get("cost", {}).get("calls_by_name")]
    for daemon in dict.fromkeys(r["daemon"] for r in counted):
        r = min((r for r in counted if r["daemon"] == daemon), key=lambda r: abs(r["nominal_ms"] - 150))
        calls = r["cost"]["calls_by_name"]
        often = ", ".join(f"{name} {n:.3g}" for name, n in sorted(calls.items(), key=lambda c: -c[1]))
        absent = ", ".join(name for name in _UNWANTED if name not in calls)
        yield (f"{r['daemon']}, {r['nominal_ms']} ms, system calls a second of one host: {often}; "
               f"none of {absent or 'those that it should not make'}")


def text(results):
    parts = [*_intro(results), *(part.text() for part in _parts(results))]
    return "\n\n".join([*parts, "\n".join(f"* {line}" for line in remarks(results))]) + "\n"


def markdown(results):
    parts = [*_intro(results), *(part.markdown() for part in _parts(results))]
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in remarks(results))]) + "\n"


def plot(results, path):
    """-> None if it is drawn, else why not.  A cluster for each setting, in it a box for each daemon."""
    if not shutil.which("gnuplot"):
        return "gnuplot is not installed: make bench-peers"
    rows = [r for r in results["rows"] if r.get("kill") or r.get("cut")]
    if not rows:
        return "no latency was measured"
    settings = sorted({r["nominal_ms"] for r in rows})
    commands = [
        "set terminal svg size 1100,1120 font 'sans,13' background 'white'", f"set output '{path}'",
        "set multiplot layout 2,1", "set style fill solid 0.35", "set ylabel 'time to notice / nominal detection time'",
        f"set xrange [-0.5:{len(settings) - 0.5}]", "set yrange [0:*]", "set grid ytics", "set key outside right",
        "set xtics (" + ", ".join(f"'{s} ms' {i}" for i, s in enumerate(settings)) + ")"]
    for kind, fault in (("kill", "the peer was killed"), ("cut", "the cable was cut")):
        commands.append(f"set title 'Detection latency, {fault}: minimum, median, maximum'")
        commands += _boxes(rows, settings, kind)
    drawn = subprocess.run(["gnuplot"], input="\n".join(commands) + "\n", capture_output=True, text=True, check=False)
    return None if drawn.returncode == 0 else f"gnuplot: {drawn.stderr.strip()}"


def _boxes(rows, settings, kind):
    """gnuplot's commands: each daemon's boxes from minimum to maximum, with a line at the median."""
    names = list(dict.fromkeys(r["daemon"] for r in rows))
    width = 0.8 / len(names)
    curves, data = ["1 lc 'black' dt 2 title 'nominal'"], []
    for n, name in enumerate(names):
        beside = (n - (len(names) - 1) / 2) * width
        points = [(settings.index(r["nominal_ms"]) + beside, r[kind], r["exact_nominal_ms"])
                  for r in rows if r["daemon"] == name and r.get(kind)]
        if not points:
            continue
        style = f"({width * 0.8}) with candlesticks lc {n + 1}"
        curves += [f"'-' using 1:2:2:3:3:{style} title '{name}'", f"'-' using 1:2:2:2:2:{style} lw 3 notitle"]
        data += [f"{x} {m['min'] / nominal} {m['max'] / nominal}" for x, m, nominal in points] + ["e"]
        data += [f"{x} {m['median'] / nominal}" for x, m, nominal in points] + ["e"]
    return ["plot " + ", ".join(curves), *data]
