"""memory: what the processes hold, and the time to the first right answer after a start and after kill -9 of dns
(target 5)."""

import os
import signal
import time

from ground import ZONE, ask, memory, program, registry, wait_until
from servers import Svcdns

SIZES = [(1000, 10, 0.15), (100000, 10, 5.0)]  # services, instances of each, seconds allowed


def first_answer(port, service, since):
    """Seconds since `since` to the first right answer for the last service."""
    def right():
        reply = ask(port, f"service-{service:06}.{ZONE}", patience=0.005)
        return reply is not None and reply[0] == 0 and reply[1] == 10
    wait_until(right, "the first right answer", 60, 0.002)
    return time.monotonic() - since


def settled(server):
    """Memory of the processes when it no longer changes."""
    last, now = None, memory(server.pids)
    while last is None or abs(now["Pss"] - last["Pss"]) > 65536:
        time.sleep(0.5)
        last, now = now, memory(server.pids)
    return now


class Quick(Svcdns):
    """Does not wait: the waiting is what is measured."""

    def wait_answer(self, patience=0):
        pass


def run(options):
    result = {"sizes": {}, "targets": []}
    with Svcdns() as server:
        idle = settled(server)
        empty = memory([server.role("dns")])["Pss_Anon"]
    result["idle"] = idle
    result["targets"] += [("three idle processes, Pss_Anon in MB", idle["Pss_Anon"] / 1e6, 8),
                          ("three idle processes, PSS in MB", idle["Pss"] / 1e6, 20)]
    print(f"  idle: Pss_Anon {idle['Pss_Anon'] / 1e6:.1f} MB, PSS {idle['Pss'] / 1e6:.1f} MB", flush=True)
    for services, each, limit in SIZES:
        count, source = services * each, registry(services, each, "prod")
        walk = float(program("bench_data", "walk", source).split()[0])
        # Threads of three processes share both cores here, as on a user's machine.
        with Quick(source, core="0,1") as server:
            start = first_answer(server.port, services - 1, time.monotonic())
            server.wait_ready()
            held = settled(server)
            dns = memory([server.role("dns")])["Pss_Anon"]
            killed = time.monotonic()
            os.kill(server.role("dns"), signal.SIGKILL)
            again = first_answer(server.port, services - 1, killed)
        each_bytes = (dns - empty) / count
        result["sizes"][str(count)] = {"start_s": start, "restart_s": again, "sqlite_s": walk, "dns_bytes": dns,
                                       "bytes_each": each_bytes, "all": held}
        result["targets"] += [(f"{count:,} instances: start to first right answer, s", start, limit),
                              (f"{count:,} instances: kill -9 of dns to first right answer, s", again, limit)]
        print(f"  {count:,} instances: start {start:.3f} s, after kill -9 {again:.3f} s (reading SQLite alone "
              f"{walk:.3f} s), dns {dns / 1e6:.1f} MB = {each_bytes:.0f} bytes an instance", flush=True)
    result["targets"].append(("bytes for each instance in the view (at 1,000,000)", each_bytes, 700))
    return result
