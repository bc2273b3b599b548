"""BENCHMARKS.md and its plots, from the JSON files in build/bench/results: the latest run of each topic.

What people have to say about a miss is in notes.md, a section ("## topic") each, and stands under the topic's table."""

import datetime
import json
import os
import platform
import re
import subprocess
from pathlib import Path

from ground import RESULTS, ROOT

PLOTS = ROOT / "doc/bench"
COLOURS = ["#8a8f98", "#1f6feb", "#d29922", "#a371f7"]


def machine():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text()).group(1))
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(["git", "-C", str(ROOT), "status", "--porcelain", "src"], capture_output=True, text=True)
    return {"cpu": cpu.group(1) if cpu else platform.processor(), "cores": os.cpu_count(),
            "memory_gb": memory / 1e6,
            "kernel": platform.release(), "commit": commit.stdout.strip() + (" with changes" if changed.stdout else "")}


def save(topic, result, options, versions):
    result |= {"topic": topic, "machine": machine(), "time": datetime.datetime.now(datetime.UTC).strftime(
        "%Y-%m-%d %H:%M UTC"), "quick": options.quick, "load_before": options.load_before, "stolen": options.stolen, "versions": versions,
        "rounds": options.rounds, "answers": options.answers}
    (RESULTS / f"{topic}.json").write_text(json.dumps(result, indent=1) + "\n")


def met(value, limit):
    return value >= -limit if limit < 0 else value <= limit


def number(value):
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def verdicts(result):
    lines = ["| target | measured | limit | |", "|---|---|---|---|"]
    for text, value, limit in result["targets"]:
        bound = f"≥ {number(-limit)}" if limit < 0 else f"≤ {number(limit)}"
        lines.append(f"| {text} | {number(value)} | {bound} | {'met' if met(value, limit) else '**missed**'} |")
    return lines


def table(head, rows):
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def bars(path, title, unit, groups):
    """An SVG of grouped bars: groups is {label: {series: value}}."""
    series = list(dict.fromkeys(name for values in groups.values() for name in values))
    top = max(value for values in groups.values() for value in values.values()) or 1
    bar, gap, height, left = 34, 28, 220, 20
    width = left + sum(len(values) * bar + gap for values in groups.values()) + 20
    width = max(width, left + 90 * len(series) + 20)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 100}" font-family="sans-serif" '
           f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="{left}" y="20" font-size="14">'
           f'{title} ({unit})</text>']
    for i, name in enumerate(series):
        out.append(f'<rect x="{left + i * 90}" y="32" width="10" height="10" fill="{COLOURS[i % 4]}"/>'
                   f'<text x="{left + 14 + i * 90}" y="41">{name}</text>')
    x, floor = left, height + 70
    for label, values in groups.items():
        out.append(f'<text x="{x + len(values) * bar / 2}" y="{floor + 18}" text-anchor="middle">{label}</text>')
        for name, value in values.items():
            tall = value / top * height
            out.append(f'<rect x="{x + 2}" y="{floor - tall:.1f}" width="{bar - 4}" height="{tall:.1f}" '
                       f'fill="{COLOURS[series.index(name) % 4]}"/><text x="{x + bar / 2}" y="{floor - tall - 4:.1f}" '
                       f'text-anchor="middle" font-size="10">{value:.3g}</text>')
            x += bar
        x += gap
    out.append("</svg>\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(out))
    return [f"![{title}]({path.relative_to(ROOT)})"]


def of_query(result):
    rows = [[label, name, f"{cell['us']:.2f}", f"± {cell['spread']:.0%}", f"{cell['rate']:,.0f}",
             f"{cell['bytes']:.0f}", f"{cell['ratio']:.2f}"]
            for label, cells in result["kinds"].items() for name, cell in cells.items()]
    lines = table(["answer", "server", "CPU µs per answer", "spread", "answers/s", "bytes", "× echo"], rows)
    groups = {label: {name: cell["us"] for name, cell in cells.items()} for label, cells in result["kinds"].items()}
    lines += ["", f"Medians of {result['rounds']} alternating runs of {result['answers']:,} answers each; "
              "a ratio is the median of those of neighbouring runs.", ""]
    lines += bars(PLOTS / "query.svg", "CPU per answer", "µs", groups)
    for label, profile in result.get("profiles", {}).items():
        if not profile["top"]:
            continue
        lines += ["", f"Where {label} spends its time, by `perf`, in µs for an answer: our own code and libraries "
                  f"{profile['user_us']:.2f} (the echo: {profile['echo_user_us']:.2f}), the rest is the kernel.", ""]
        lines += table(["where", "function", "svcdns", "echo"],
                       [[where, f"`{function}`", f"{ours:.3f}", f"{echo:.3f}"]
                        for where, function, ours, echo in profile["top"]])
    return lines


def of_scaling(result):
    return table(["workers, each on a core with a load", "CPU µs per answer", "answers/s"],
                 [[workers, f"{cells['us']:.2f}", f"{cells['rate']:,.0f}"]
                  for workers, cells in result["workers"].items()])


def of_growth(result):
    rows = [[label, f"{us['small']:.2f}", f"{us['big']:.2f}", f"{us['big'] / us['small']:.2f}"]
            for label, us in result["kinds"].items()]
    large = result["large"]
    return table(["answer", "µs, 10,000 instances", "µs, 1,000,000 instances", "ratio"], rows) + [
        "", f"A service of 10,000 instances over UDP: {large['us']:.2f} µs for the {large['records']:.0f} records that "
        f"fit ({large['truncated']:.0%} truncated)."]


def of_memory(result):
    idle = result["idle"]
    rows = [[f"{int(count):,}", f"{one['start_s']:.3f}", f"{one['restart_s']:.3f}", f"{one['sqlite_s']:.3f}",
             f"{one['dns_bytes'] / 1e6:.1f}", f"{one['bytes_each']:.0f}"] for count, one in result["sizes"].items()]
    return [f"Idle, with an empty registry: Pss_Anon {idle['Pss_Anon'] / 1e6:.1f} MB, PSS {idle['Pss'] / 1e6:.1f} MB, all "
            "three processes.", ""] + table(
        ["instances", "start to first right answer, s", "kill -9 of dns to first right answer, s",
         "reading SQLite alone, s", "dns Pss_Anon, MB", "bytes an instance"], rows)


def of_registration(result):
    rows = [[name, f"{result[name]['rate']:,.0f}", f"{result[name]['us']:.0f}", f"{result[name]['p99_ms']:.1f}"]
            for name in ("svcdns", "etcd")]
    beats = result["heartbeats"]
    return table(["server", "writes/s", "CPU µs per write", "p99 ms, closed loop"], rows) + [
        "", f"{result['count']:,} writes over 64 keep-alive connections. At 1,000 a second: p99 "
        f"{result['paced_p99_ms']:.2f} ms; a bare 4 KiB write and `fdatasync`: p99 {result['sync_p99_ms']:.2f} ms. A TTL "
        f"heartbeat: {beats['us']:.1f} µs, the bare epoll loop {beats['bare_us']:.1f} µs."]


def of_churn(result):
    labels = {"calm": "no changes", "spinning": "no changes, a loop on the load's core",
              "busy": f"{result['changes_rate']:,.0f} changes/s"}
    rows = [[label, *(f"{result[key][part] * 1e3:.0f}" for part in ("p50_ms", "p99_ms", "p999_ms")),
             *(f"{result[key][part]:,}" for part in ("unanswered", "dropped", "dropped_here", "unsent"))]
            for key, label in labels.items()]
    return table(["at 20,000 queries/s", "p50 µs", "p99 µs", "p99.9 µs", "no answer", "of these dropped at our socket",
                  "answers dropped at the load's", "not sent: 8,192 on their way"], rows)


def of_checks(result):
    return [f"{result['probes_per_s']:,.0f} probes a second; deaths were seen in the answers after "
            + ", ".join(f"{one:.2f}" for one in result["deaths_s"]) + " s."]


def of_connections(result):
    return [f"Pipelined TCP {result['rates']['tcp']:,.0f} answers/s, UDP {result['rates']['udp']:,.0f}/s."]


TITLES = {
    "query": ("Query cost (target 1)", of_query), "scaling": ("Two workers (target 1)", of_scaling),
    "growth": ("Growth (target 2)", of_growth),
    "churn": ("Churn (target 3)", of_churn), "registration": ("Registration and heartbeats (target 4)", of_registration),
    "memory": ("Memory and start (target 5)", of_memory), "checks": ("Health checks (target 6)", of_checks),
    "connections": ("Connections (target 7)", of_connections),
}


def notes():
    text = (Path(__file__).parent / "notes.md").read_text(encoding="utf-8")
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in text.split("\n## ")[1:]}


def head(results):
    at = machine()
    failed = [f"{TITLES[topic][0]}: {text}" for topic, result in results.items()
              for text, value, limit in result["targets"] if not met(value, limit)]
    total = sum(len(result["targets"]) for result in results.values())
    versions = {key: value for result in results.values() for key, value in result["versions"].items()}
    lines = ["# Benchmarks", "", "Written by `tools/bench` from what it measured. Only ratios inside one run count: runs "
             "differ by 20 % and machines by more.", "",
             f"**{total - len(failed)} of {total} targets met.**" + (" Missed:" if failed else ""), ""]
    lines += [f"- {text}" for text in failed]
    missing = [TITLES[topic][0] for topic in TITLES if topic not in results]
    if missing:
        lines += ["", f"Not measured: {', '.join(missing)}."]
    lines += ["", f"Machine: {at['cpu']}, {at['cores']} cores, {at['memory_gb']:.0f} GB, Linux {at['kernel']}. Peers, from "
              "Debian's packages: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".", "",
              "Repeat: `tools/bench` (all), `tools/bench query churn` (some), `tools/bench --quick` (a look). The server "
              "runs on core 0, the load on core 1; everything is on loopback. CPU is utime + stime of all of the server's "
              "processes. The echo is a bare `recvmmsg`/`sendmmsg` loop that returns as many bytes as svcdns."]
    return lines


def write():
    """BENCHMARKS.md from all results there are."""
    results = {topic: json.loads((RESULTS / f"{topic}.json").read_text()) for topic in TITLES
               if (RESULTS / f"{topic}.json").exists()}
    said, lines = notes(), head(results)
    for topic, result in results.items():
        title, body = TITLES[topic]
        quick = ", a quick look only" if result["quick"] else ""
        stolen = f", {result['stolen']:.1%} of the processors' time taken by the host" if "stolen" in result else ""
        lines += ["", f"## {title}", "", f"{result['time']}, commit {result['machine']['commit']}, load average before it "
                  f"{result['load_before']:.2f}{stolen}{quick}.", "", *verdicts(result), "", *body(result)]
        if topic in said:
            lines += ["", said[topic]]
    for topic in ("general",):
        if topic in said:
            lines += ["", "## What is not measured here", "", said[topic]]
    (ROOT / "BENCHMARKS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def show(result):
    """The verdicts on the terminal."""
    for text, value, limit in result["targets"]:
        bound = f"≥ {number(-limit)}" if limit < 0 else f"≤ {number(limit)}"
        print(f"  {'met   ' if met(value, limit) else 'MISSED'} {text}: {number(value)} ({bound})", flush=True)
