"""Starts and drives a real svcdnsd for the suites in tests/integration and tests/interop.

    with Server(directory) as server:
        server.register("web", id="i1", address="10.0.0.1", port=8080)
        assert server.ask("web.service.local", "SRV").srv() == [(1, 1, 8080, "i1.web.service.local")]

Every reply that `ask` returns was read by the strict reader (strict.py) and by dnspython. `stop` demands a clean end:
exit status 0 and no report of a sanitizer in the log."""

import contextlib
import http.client
import json
import os
import random
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
import urllib.parse
from pathlib import Path

import packets
from dns_client import Tcp, Udp, qtype, read_reply
from local import IPV6, PATIENCE, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SVCDNSD", ROOT / "build/asan/src/main/svcdnsd"))
RELEASE = ROOT / "build/release/src/main/svcdnsd"
REPORTS = re.compile(rb"((?:Address|Leak|Thread|Memory)Sanitizer|runtime error:|Assertion .* failed)")
# How long the server waits before it gives up: a busy machine must not make it. A test that is about one of these limits
# sets it; None is the server's own.
UNHURRIED = {
    "http.publish_timeout": "30s", "http.header_timeout": "10m", "http.body_timeout": "10m", "http.write_timeout": "10m",
    "http.dns_timeout": "30s", "dns.load_patience": "30s", "dns.tcp_io_timeout": "10m", "relay.timeout": "30s",
}  # fmt: skip
# For a test that stops a process (SIGSTOP): it is not replaced meanwhile, however long the test takes.
MAY_STAND_STILL = {"process.stall_timeout": "10m"}


def thread_states(pid):
    """As in proc(5): {"R", "S"}; empty once it is gone, and when a thread ends while we look."""
    try:
        return {task.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()}
    except (FileNotFoundError, ProcessLookupError):
        return set()


class Answer:
    """An HTTP reply."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.text!r}"


class Server:
    """One svcdnsd: the supervisor and its two children, with all its files in `directory`.

    `config` holds options by their keys, {"dns.udp_size": 4096}; None leaves one of the defaults below out. `zone` is
    the text of a zone file. `wrapper` is a command in front of the server's."""

    def __init__(self, directory, config=None, zone=None, wrapper=(), environment=None, binary=BINARY):
        self.directory, self.binary = Path(directory), binary
        self.directory.mkdir(parents=True, exist_ok=True)
        hosts = ("127.0.0.1", "::1") if IPV6 else ("127.0.0.1",)
        self.port = free_port(hosts)
        self.http_port = free_port(kinds=(socket.SOCK_STREAM,))
        self.address = ("127.0.0.1", self.port)
        self.address6 = ("::1", self.port)
        self.log_path = self.directory / "log"
        self.config = {
            "dns.listen": ",".join(f"[{h}]:{self.port}" if ":" in h else f"{h}:{self.port}" for h in hosts),
            "http.listen": f"127.0.0.1:{self.http_port}",
            "registry.path": str(self.directory / "registry.db"),
            "node.name": "testnode",
            "node.address": "127.0.0.1",
            **UNHURRIED,
        }
        if zone is not None:
            path = self.directory / "test.zone"
            path.write_text(zone)
            self.config["zone.file"] = str(path)
        self.config.update(config or {})
        self.wrapper, self.environment = list(wrapper), dict(environment or {})
        self.pass_fds = ()  # descriptors that the wrapper gets
        self.process = None
        self._http = None

    # The process

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    def arguments(self):
        return [str(self.binary)] + [f"--{key}={value}" for key, value in self.config.items() if value is not None]

    def start(self, ready=True):
        """Starts the server; returns when it answers /readyz with 200."""
        assert self.process is None, "it runs already"
        environment = dict(os.environ)
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        environment.update(self.environment)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.wrapper + self.arguments(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=environment,
                pass_fds=self.pass_fds,
            )
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, patience=PATIENCE):
        def ready():
            assert self.process.poll() is None, f"svcdnsd ended with {self.process.returncode}:\n{self.log()}"
            try:
                return self.http("GET", "/readyz", fresh=True).status == 200
            except (OSError, http.client.HTTPException):
                return False

        try:
            wait_until(ready, "/readyz answers 200", patience)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()}") from None

    def stop(self, patience=PATIENCE):
        """SIGTERM; demands exit status 0 and a log without reports."""
        self._drop_http()
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"svcdnsd did not end within {patience:g} s of SIGTERM:\n{self.log()}") from None
        self.check_log()
        assert status == 0, f"svcdnsd ended with status {status}:\n{self.log()}"

    def kill(self):
        """SIGKILL for the supervisor; the children follow it by PR_SET_PDEATHSIG."""
        self._drop_http()
        if self.process is None:
            return
        children = self.children()
        self.process.kill()
        self.process.wait()
        self.process = None
        for pid in children.values():
            wait_until(lambda pid=pid: not _alive(pid), f"child {pid} ends with the supervisor")

    def restart(self):
        self.stop()
        return self.start()

    def children(self):
        """The children's pids by role: {"dns": 12, "sidecar": 13}; a role that is not running is missing."""
        found = {}
        for pid in _children_of(self.process.pid):
            try:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            for argument in arguments:
                if argument.startswith(b"--role="):
                    found[argument[7:].decode()] = pid
        return found

    def pid(self, role):
        """The pid of "supervisor", "dns" or "sidecar"; waits until there is one."""
        if role == "supervisor":
            return self.process.pid
        return wait_until(lambda: self.children().get(role), f"there is a {role} process")

    def signal(self, role, number):
        """Sends a signal to one process and returns its pid. A process is stopped when each thread has met SIGSTOP."""
        pid = self.pid(role)
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: thread_states(pid) == {"T"}, f"the {role} process is stopped")
        return pid

    @contextlib.contextmanager
    def without(self, role):
        """Kills a process, and keeps it from being started again: a supervisor without a free descriptor cannot."""
        supervisor = self.pid("supervisor")
        soft, hard = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (3, hard))
        try:
            yield self.signal(role, signal.SIGKILL)
        finally:
            resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (soft, hard))

    @contextlib.contextmanager
    def locked(self):
        """Another program holds the database for writing; the writer waits 0.9 s for it."""
        with contextlib.closing(sqlite3.connect(self.config["registry.path"], isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def check_log(self):
        """Fails if a sanitizer or an assertion has spoken."""
        found = REPORTS.search(self.log_path.read_bytes())
        assert not found, f"{found.group().decode()}:\n{self.log()[-20000:]}"

    # HTTP

    def _drop_http(self):
        if self._http:
            self._http.close()
        self._http = None

    def connect_http(self, timeout=PATIENCE):
        """A new connection (http.client.HTTPConnection)."""
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)

    def http(self, method, path, body=None, headers=None, fresh=False):
        """One request, on a connection that is kept open. A body that is not bytes or text is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect_http() if fresh else self._http or self.connect_http()
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            if not fresh and self._http is connection:
                self._http = None  # a kept connection that the server closed: once more on a new one
                return self.http(method, path, body, headers)
            raise
        if fresh:
            connection.close()
        else:
            self._http = connection
        return answer

    def get(self, path):
        """GET that must succeed; the decoded JSON."""
        answer = self.http("GET", path)
        assert answer.status == 200, f"GET {path}: {answer}"
        return answer.json()

    def put(self, path, body=None):
        """PUT that must succeed."""
        answer = self.http("PUT", path, body)
        assert answer.status == 200, f"PUT {path} {body}: {answer}"
        return answer

    def register(self, name, id=None, address=None, port=0, **fields):
        """Registers an instance; more fields as Consul names them (Tags=…, Meta=…, Check=…)."""
        body = {"Name": name, "Port": port, **fields}
        if id is not None:
            body["ID"] = id
        if address is not None:
            body["Address"] = address
        return self.put("/v1/agent/service/register", body)

    def register_many(self, bodies, connections=16):
        """Registers many at once, over several connections, so that they share commits."""
        waiting, failed, lock = list(reversed(bodies)), [], threading.Lock()

        def work():
            connection = self.connect_http()
            try:
                while not failed:
                    with lock:
                        if not waiting:
                            return
                        body = json.dumps(waiting.pop())
                    connection.request("PUT", "/v1/agent/service/register", body)
                    reply = connection.getresponse()
                    text = reply.read()
                    if reply.status != 200:
                        failed.append(f"{body}: {reply.status} {text!r}")
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed, failed[0]

    def deregister(self, id):
        return self.put("/v1/agent/service/deregister/" + urllib.parse.quote(id, safe=""))

    def check(self, verdict, id, note=None):
        """Sets a TTL check: verdict "pass", "warn" or "fail"."""
        query = "?note=" + urllib.parse.quote(note) if note else ""
        return self.put(f"/v1/agent/check/{verdict}/{urllib.parse.quote(id, safe='')}{query}")

    def metric(self, name):
        """The sum of a metric over its labels, from /metrics; name may carry labels."""
        text = self.http("GET", "/metrics").text
        pattern = re.escape(name) + (r"" if "{" in name else r"(?:\{[^}]*\})?") + r" (\S+)$"
        return sum(float(value) for value in re.findall("^" + pattern, text, re.M))

    # DNS

    def udp(self, host="127.0.0.1", source=None):
        return Udp((host, self.port), source)

    def tcp(self, host="127.0.0.1", source=None):
        return Tcp((host, self.port), source)

    def exchange(self, data, tcp=False, **where):
        """One raw exchange on a socket of its own."""
        with self.tcp(**where) if tcp else self.udp(**where) as client:
            return client.exchange(data)

    def ask(self, name, kind="A", tcp=False, edns=True, size=1232, options=b"", flags=0, klass=1, **where):
        """Asks one question and returns the reply, read twice (see read_reply)."""
        record = packets.opt(size, options) if edns else None
        ident = random.randrange(65536)
        data = packets.query(name, qtype(kind), klass, flags, record, ident)
        reply = read_reply(self.exchange(data, tcp, **where), bool(self.config.get("relay.upstream")))
        assert reply.id == ident
        return reply

    def retry(self, name, kind="A", **options):
        """As a resolver does: by UDP, and again by TCP if the answer was cut short."""
        reply = self.ask(name, kind, **options)
        return self.ask(name, kind, tcp=True, **options) if reply.tc else reply


def _alive(pid):
    """True until the last thread is gone: a first thread that is a zombie may leave others that hold sockets."""
    try:
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        return threads > 1 or Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _children_of(parent):
    """The direct children of a process, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.name))
    return found
