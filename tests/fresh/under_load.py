"""Runs as root in a booted tree: asks over UDP, TCP and HTTP all the time, while the service is restarted, killed,
reloaded and upgraded, by the command in the arguments. What was answered, refused and lost goes into /root/result.json,
which the test outside reads by check()."""

import http.client
import json
import socket
import struct
import subprocess
import sys
import threading
import time

DNS, HTTP = ("127.0.0.1", 8600), ("127.0.0.1", 8500)
QUERY = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\3web\7service\5local\0" + struct.pack("!2H", 1, 1)
UNITS = ("svcdns.service", "svcdns.socket", "svcdns-http.socket")
ACTS = (
    ["systemctl", "restart", "svcdns.service"],
    ["systemctl", "kill", "--signal=KILL", "svcdns.service"],
    ["systemctl", "reload", "svcdns.service"],
    sys.argv[1:],
    ["systemctl", "kill", "--signal=KILL", "--kill-who=main", "svcdns.service"],
)


def check(tree, said):
    """What the run in a tree came to; `said` is what it printed."""
    result = json.loads((tree.path / "root/result.json").read_text())
    for kind in ("udp", "tcp", "http"):
        assert result[kind]["answered"] > 100, said
        assert result[kind]["refused"] == 0, said
        # What a process had taken from a socket when it was killed or ended.
        assert result[kind]["lost"] <= result["rounds"], said
    assert result["failed_units"] == "", said


def check_answer(answer):
    """NOERROR and one record."""
    if len(answer) < 12:
        raise EOFError
    assert answer[3] & 15 == 0 and answer[6:8] == b"\0\1", answer


def ask_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(DNS)
        s.send(QUERY)
        check_answer(s.recv(4096))


def ask_tcp():
    with socket.create_connection(DNS, 10) as s:
        s.sendall(struct.pack("!H", len(QUERY)) + QUERY)
        check_answer(s.recv(4096)[2:])


def ask_http(method="GET", path="/v1/agent/services", body=None):
    connection = http.client.HTTPConnection(*HTTP, timeout=10)
    connection.request(method, path, body)
    assert connection.getresponse().status == 200
    connection.close()


class Prober(threading.Thread):
    def __init__(self, ask, stop):
        super().__init__()
        self.ask, self.stop = ask, stop
        self.counts = {"answered": 0, "refused": 0, "lost": 0}

    def run(self):
        while not self.stop.is_set():
            try:
                self.ask()
                self.counts["answered"] += 1
            except ConnectionRefusedError:
                self.counts["refused"] += 1
            except (OSError, EOFError, http.client.HTTPException):
                self.counts["lost"] += 1


def active():
    done = subprocess.run(["systemctl", "is-active", UNITS[0]], capture_output=True, text=True)
    return done.stdout.strip() == "active"


def settle(probers):
    """Until the unit is active, and each prober has had answers since."""
    seen = {name: prober.counts["answered"] for name, prober in probers.items()}
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not (
            active() and all(p.counts["answered"] > seen[name] + 50 for name, p in probers.items())):
        time.sleep(0.05)


def main():
    ask_http("PUT", "/v1/agent/service/register", json.dumps({"Name": "web", "Address": "10.0.0.1", "Port": 80}))
    stop = threading.Event()
    probers = {"udp": Prober(ask_udp, stop), "tcp": Prober(ask_tcp, stop), "http": Prober(ask_http, stop)}
    for prober in probers.values():
        prober.start()
    try:
        for act in ACTS:
            settle(probers)
            print(act, flush=True)
            subprocess.run(act, check=True)
        settle(probers)
        assert active()
    finally:
        stop.set()
        for prober in probers.values():
            prober.join()
    result = {name: prober.counts for name, prober in probers.items()}
    failed = subprocess.run(["systemctl", "--failed", "--plain", "--no-legend"], capture_output=True, text=True)
    result.update(rounds=len(ACTS), failed_units="".join(l for l in failed.stdout.splitlines() if "svcdns" in l))
    with open("/root/result.json", "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
