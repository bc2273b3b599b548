"""Where a server's CPU time goes, by function: perf, if it is there and may look."""

import re
import shutil
import signal
import subprocess

from ground import RUN

LINE = re.compile(r"^\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(\S+)")


def profile(pids, work):
    """Runs work() and samples these processes meanwhile; [(share, "kernel" or the library, function)], the largest
    first. Empty without perf."""
    if not shutil.which("perf"):
        return []
    path = RUN / "perf.data"
    popen = subprocess.Popen(["perf", "record", "-q", "-F", "2999", "-o", str(path), "-p", ",".join(map(str, pids))],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        work()
    finally:
        popen.send_signal(signal.SIGINT)
        popen.wait()
    report = subprocess.run(["perf", "report", "-q", "-i", str(path), "--stdio", "--no-children", "-g", "none", "--sort",
                             "dso,symbol"], capture_output=True, text=True)
    path.unlink(missing_ok=True)
    found = [LINE.match(line) for line in report.stdout.splitlines()]
    return [(float(m.group(1)) / 100, "kernel" if m.group(3) == "k" else re.sub(r"\.so.*", "", m.group(2)), m.group(4))
            for m in found if m]


def costs(samples, us):
    """{(where, function): µs for an answer}, of a profile and the whole cost."""
    costs = {}
    for share, where, function in samples:
        function = function.split("@")[0]
        costs[where, function] = costs.get((where, function), 0) + share * us
    return costs
