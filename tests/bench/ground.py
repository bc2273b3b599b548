"""The measuring ground: processes pinned to cores, their CPU time and memory, the load generators, the data.

Everything that is started here is ended by its pid when the ground is left, and talks over loopback only. What is
made is under build/bench: peers/ (unpacked packages), data/ (registries and lists of names, kept between runs), run/
(files of running servers, removed), results/ (one JSON file a topic, from which BENCHMARKS.md is written)."""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"
PROGRAMS = BUILD / "tests/bench"
DATA, RUN, RESULTS = BUILD / "data", BUILD / "run", BUILD / "results"
ZONE = "service.local"
LOCKS = []
SERVER_CORE, LOAD_CORE = 0, min(1, os.cpu_count() - 1)


def raise_limits():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 200000) if hard > 0 else 200000, hard))


def prepare():
    """Empty run/, the folders, and this process on the load's core."""
    raise_limits()
    for folder in (DATA, RESULTS):
        folder.mkdir(parents=True, exist_ok=True)
    lock = open(BUILD / "lock", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another tools/bench is running in this checkout")
    LOCKS.append(lock)  # held until this process ends
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    os.sched_setaffinity(0, {LOAD_CORE})


def free_port():
    """A port that is free for UDP and TCP on loopback."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def children_of(pid):
    """The pids of a process and of all below it."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += children_of(int(child))
    except OSError:
        pass
    return found


def cpu_seconds(pids):
    """CPU time, user and kernel, of living processes: utime + stime of /proc/PID/stat."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pids):
    """Sums of smaps_rollup over processes, in bytes: {"Pss": …, "Pss_Anon": …}."""
    sums = {"Pss": 0, "Pss_Anon": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            key, value = line.split(":")
            if key in sums:
                sums[key] += int(value.split()[0]) * 1024
    return sums


def wait_until(condition, what, patience=60.0, interval=0.002):
    deadline = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {patience:g} s: {what}")
        time.sleep(interval)
    return result


class Process:
    """A server in the foreground, pinned to a core; a context manager that ends it."""

    def __init__(self, command, name, core=SERVER_CORE, environment=None):
        self.command, self.name, self.core = [str(part) for part in command], name, core
        self.environment = {**os.environ, **(environment or {})}
        self.popen = None
        self.log_path = RUN / f"{name}.log"

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(["taskset", "-c", str(self.core), *self.command], cwd=RUN, stdout=log,
                                          stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        return self

    def __exit__(self, *_):
        pids = children_of(self.popen.pid)
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        for pid in pids[1:]:  # what outlives its parent
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == "1":
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    @property
    def pids(self):
        return children_of(self.popen.pid)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def check(self):
        if self.popen.poll() is not None:
            raise RuntimeError(f"{self.name} has ended with {self.popen.returncode}:\n{self.log()[-2000:]}")


def program(name, *arguments, core=LOAD_CORE):
    """Runs one of our programs to its end and returns what it printed."""
    done = subprocess.run(["taskset", "-c", str(core), PROGRAMS / name, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout


def start_program(name, *arguments, core=LOAD_CORE):
    """The same in the background; finish with finish_program()."""
    return subprocess.Popen(["taskset", "-c", str(core), PROGRAMS / name, *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish_program(popen):
    out, errors = popen.communicate()
    if popen.returncode:
        raise RuntimeError(f"{popen.args}: {errors or out}")
    return json.loads(out)


def threads():
    """The ids of all threads of the machine, the kernel's too."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield from map(int, os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue


@contextlib.contextmanager
def core_cleared(core, other):
    """Every thread that may be moved off a core is on the other, the kernel's too, until this is left: one that looks after
    memory (kdamond) can take one percent of a core in turns of milliseconds, and so be the p99 of what else runs there."""
    moved = {}
    for thread in threads():
        try:
            allowed = os.sched_getaffinity(thread)
            if core in allowed:
                os.sched_setaffinity(thread, {other})
                moved[thread] = allowed
        except OSError:  # it is one of the core's own, or has ended
            continue
    try:
        yield
    finally:
        for thread, allowed in moved.items():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, allowed)


def load_arguments(port, names, kind, **options):
    arguments = ["--port", port, "--names", names, "--type", kind["type"]]
    for key in ("rcode", "answers"):
        if kind.get(key) is not None and not options.get("raw"):
            arguments += [f"--{key}", kind[key]]
    if options.pop("raw", False):
        arguments.append("--raw")
    for key, value in options.items():
        arguments += [f"--{key}", value]
    return arguments


def load(port, names, kind, **options):
    """A closed loop of DNS queries (or a rate); the result of tests/bench/load.c. kind: see KINDS."""
    return json.loads(program("load", *load_arguments(port, names, kind, **options)))


def load_on_cores(cores, port, names, kind, **options):
    """The same from each of these cores at once; a list of results."""
    arguments = load_arguments(port, names, kind, **options)
    return [finish_program(popen) for popen in [start_program("load", *arguments, core=core) for core in cores]]


KINDS = {
    "A": {"type": "A", "rcode": 0, "answers": 10, "list": "services"},
    "SRV": {"type": "SRV", "rcode": 0, "answers": 10, "list": "services"},
    "NXDOMAIN": {"type": "A", "rcode": 3, "answers": 0, "list": "missing"},
}


def names(kind, services):
    """The file with the names that are asked for, in a scattered order."""
    path = DATA / f"{kind['list']}-{services}.names"
    if not path.exists():
        prefix = "service" if kind["list"] == "services" else "nothing"
        step = next(n for n in (7919, 7907, 7901) if services % n)
        path.write_text("".join(f"{prefix}-{i * step % services:06}.{ZONE}\n" for i in range(services)))
    return path


def registry(services, instances, tag=None):
    """A registry with so many services, filled by the registry's own writer; made once."""
    tool = PROGRAMS / "bench_data"
    path = DATA / f"registry-{services}x{instances}{'-' + tag if tag else ''}.db"
    if not path.exists() or path.stat().st_mtime < tool.stat().st_mtime:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        print(f"filling a registry with {services * instances:,} instances", flush=True)
        new = path.with_suffix(".new")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{new}{suffix}").unlink(missing_ok=True)
        program("bench_data", "fill", new, services, instances, *([tag] if tag else []))
        for suffix in ("-wal", "-shm"):
            Path(f"{new}{suffix}").unlink(missing_ok=True)
        new.rename(path)
    return path


def zone_file(services, instances):
    """The registry as a master file."""
    source, path = registry(services, instances), DATA / f"zone-{services}x{instances}"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        path.write_text(program("bench_data", "zone", source, ZONE))
    return path


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance of the extremes, relative to the median."""
    return (max(values) - min(values)) / 2 / median(values)


def ask(port, name, qtype=1, patience=0.02, identity=[0]):
    """One query; (rcode, records in the answer section, size) or None."""
    identity[0] = (identity[0] + 1) & 0xFFFF
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    head = identity[0].to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\1"
    query = head + question + qtype.to_bytes(2, "big") + b"\0\1" + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(patience)
        try:
            s.connect(("127.0.0.1", port))
            s.send(query)
            answer = s.recv(65535)
        except OSError:
            return None
    if answer[:2] != query[:2]:
        return None
    return answer[3] & 15, int.from_bytes(answer[6:8], "big"), len(answer)
