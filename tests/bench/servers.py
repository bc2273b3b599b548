"""The servers that are measured: svcdns, the echo, and the peers from Debian's packages."""

import http.client
import json
import os
import shutil
import subprocess
from pathlib import Path

from ground import BUILD, PROGRAMS, RUN, SERVER_CORE, ZONE, Process, ask, free_port, wait_until, zone_file

PEERS = BUILD / "peers"
PACKAGES = ["nsd", "knot", "etcd-server"]
LIBRARIES = {"LD_LIBRARY_PATH": f"{PEERS}/usr/lib/x86_64-linux-gnu:{PEERS}/lib/x86_64-linux-gnu"}


def fetch_peers():
    """Unpacks the peers, and the libraries that are missing, without installing or starting anything. Returns their
    versions, {package: version}."""
    packages = PEERS / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    if not all(list(packages.glob(f"{name}_*.deb")) for name in PACKAGES):
        plan = subprocess.run(["apt-get", "-s", "--no-install-recommends", "install", *PACKAGES], check=True,
                              capture_output=True, text=True).stdout
        wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
        wanted += [name for name in PACKAGES if name not in wanted]
        print(f"fetching {' '.join(wanted)}", flush=True)
        subprocess.run(["apt-get", "-q", "download", *wanted], check=True, cwd=packages, capture_output=True)
        for deb in packages.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", deb, PEERS], check=True)
    return {name: next(packages.glob(f"{name}_*.deb")).name.split("_")[1].replace("%3a", ":") for name in PACKAGES}


class Dns(Process):
    """A DNS server on self.port that is ready when it gives the right answer."""

    def __init__(self, command, name, **options):
        self.port = free_port()
        super().__init__(command, name, **options)

    def __enter__(self):
        super().__enter__()
        self.wait_answer()
        return self

    def wait_answer(self, patience=120.0):
        def answered():
            self.check()
            reply = ask(self.port, f"service-000000.{ZONE}")
            return reply is not None and reply[0] == 0 and reply[1] > 0
        wait_until(answered, f"{self.name} answers", patience, 0)


class Echo(Dns):
    def __init__(self, size):
        super().__init__([], "echo")
        self.command = [str(PROGRAMS / "bench_echo"), str(size), str(self.port)]

    def wait_answer(self, patience=10.0):
        wait_until(lambda: ask(self.port, "a.b") is not None, "the echo answers", patience)


class Svcdns(Dns):
    """svcdnsd on a copy of `registry`; options by their keys."""

    def __init__(self, registry=None, name="svcdns", core=SERVER_CORE, **options):
        super().__init__([], name, core=core)
        self.http_port = free_port()
        self.path = RUN / f"{name}-{self.port}.db"
        self.empty = registry is None
        if registry:
            shutil.copyfile(registry, self.path)
        config = {"dns.listen": f"127.0.0.1:{self.port}", "http.listen": f"127.0.0.1:{self.http_port}",
                  "registry.path": self.path, "dns.workers": 1, "node.name": "bench",
                  "node.address": "127.0.0.1", "log.level": "warn"}
        config.update({key.replace("__", "."): value for key, value in options.items()})
        self.command = [str(BUILD / "src/main/svcdnsd"), *(f"--{key}={value}" for key, value in config.items())]

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        for suffix in ("", "-wal", "-shm", ".lock"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def wait_answer(self, patience=120.0):
        self.wait_ready()
        if not self.empty:
            return super().wait_answer(patience)
        wait_until(lambda: (ask(self.port, ZONE, 6) or (9,))[0] == 0, "svcdns answers", patience, 0)

    def wait_ready(self):
        def ready():
            try:
                self.http("GET", "/readyz")
                return True
            except (OSError, RuntimeError):
                return False
        wait_until(ready, "/readyz", 60, 0.02)

    def role(self, role):
        """The pid of the child with a role ("dns", "sidecar"), 0 while there is none."""
        for pid in self.pids:
            try:
                if f"--role={role}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
            except OSError:
                continue
        return 0

    def pin_worker_alone(self, worker_core, other_core):
        """The dns worker on its core, every other thread on the other."""
        for pid in self.pids:
            for task in os.listdir(f"/proc/{pid}/task"):
                worker = Path(f"/proc/{pid}/task/{task}/comm").read_text().startswith("dns-udp")
                os.sched_setaffinity(int(task), {worker_core if worker else other_core})

    def http(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        if reply.status != 200:
            raise RuntimeError(f"{method} {path}: {reply.status} {text!r}")
        return reply, text

    def socket_drops(self):
        """Queries that the kernel dropped at our UDP sockets since they were opened."""
        lines = Path("/proc/net/udp").read_text().splitlines()[1:]
        return sum(int(line.split()[12]) for line in lines if line.split()[1].endswith(f":{self.port:04X}"))

    def metrics(self):
        """{"svcdns_registry_commits_total": 12.0, …}, summed over labels."""
        sums = {}
        for line in self.http("GET", "/metrics")[1].decode().splitlines():
            if line and not line.startswith("#"):
                key, value = line.rsplit(" ", 1)
                key = key.split("{")[0]
                sums[key] = sums.get(key, 0) + float(value)
        return sums


class Nsd(Dns):
    def __init__(self, services, instances):
        super().__init__([], "nsd", environment=LIBRARIES)
        path = RUN / "nsd.conf"
        path.write_text(f"""server:
  server-count: 1
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{RUN}"
  pidfile: "{RUN}/nsd.pid"
  xfrdfile: "{RUN}/xfrd.state"
  xfrdir: "{RUN}"
  zonelistfile: "{RUN}/zone.list"
  database: ""
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {ZONE}
  zonefile: "{zone_file(services, instances)}"
""")
        self.command = [str(PEERS / "usr/sbin/nsd"), "-d", "-c", str(path)]


class Knot(Dns):
    def __init__(self, services, instances):
        super().__init__([], "knot", environment=LIBRARIES)
        storage = RUN / "knot"
        storage.mkdir(exist_ok=True)
        path = RUN / "knot.conf"
        path.write_text(f"""server:
    rundir: "{storage}"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "{storage}"
zone:
  - domain: {ZONE}
    storage: "{storage}"
    file: "{zone_file(services, instances)}"
    zonefile-sync: -1
    semantic-checks: off
""")
        self.command = [str(PEERS / "usr/sbin/knotd"), "-c", str(path)]


class Etcd(Process):
    def __init__(self):
        super().__init__([], "etcd")
        self.port, peer = free_port(), free_port()
        data = RUN / "etcd"
        shutil.rmtree(data, ignore_errors=True)
        self.command = [str(PEERS / "usr/bin/etcd"), "--data-dir", str(data), "--listen-client-urls",
                        f"http://127.0.0.1:{self.port}", "--advertise-client-urls", f"http://127.0.0.1:{self.port}",
                        "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls",
                        f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
                        "--log-level", "error"]

    def __enter__(self):
        super().__enter__()

        def healthy():
            self.check()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/health")
                return b"true" in connection.getresponse().read()
            except OSError:
                return False
        wait_until(healthy, "etcd is healthy", 30, 0.05)
        return self
