"""gRPC servers and callers as programs, for the tests of tests/interop: Debian's grpcio (grpc_program.py) and Go
(tests/interop/go). Both callers speak the same lines."""

import json
import queue
import signal
import subprocess
import threading

import svc
from svc import wait_until

PYTHON = ["/usr/bin/python3", str(svc.ROOT / "tests/support/grpc_program.py")]


class Program:
    """A program with pipes; ends by kill."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(svc.PATIENCE) == 0


class Server(Program):
    """A gRPC server that listens."""

    def __init__(self, command):
        super().__init__(command)
        if self.process.stdout.readline() != "listening\n":
            self.kill()
            raise AssertionError(f"{command} does not serve")

    def answer(self, status):
        """Of grpc_program.py: the health that it tells from now on."""
        self.process.stdin.write(f"{status}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "changed\n"


class Caller(Program):
    """Calls by round_robin. `learned` has what its resolver told: (Unix time in ns, addresses)."""

    def __init__(self, command):
        super().__init__(command)
        self.answers, self.learned = queue.Queue(), []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "learned" in said:
                self.learned.append((said["at_ns"], said["learned"]))
            else:
                self.answers.put(said)

    def kill(self):
        self.process.kill()
        self.reader.join()
        super().kill()

    def say(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=2 * svc.PATIENCE)

    def calls(self, count):
        """{"peers": {address: number of answers}, "errors": [...]}"""
        return self.say(count)

    def wait_for(self, addresses, what):
        """Until just these answer, and all calls are answered; then evenly, but for where a round begins."""
        def is_so():
            said = self.calls(10)
            return not said["errors"] and set(said["peers"]) == set(addresses)

        wait_until(is_so, f"{what}: {sorted(addresses)} answer")
        said = self.calls(60)
        assert said["errors"] == [] and set(said["peers"]) == set(addresses)
        assert min(said["peers"].values()) >= 60 // len(addresses) - 3, said


def follows_dns(caller, serve, addresses):
    """gRPC looks a name up again when a connection is lost, and not before. So one of two servers is killed when a third
    is there: its calls go to both that are left, which only the second answer has. Then all go to the last one."""
    one, two, three = addresses
    with serve(one) as first, serve(two) as second, caller() as client:
        client.wait_for([one, two], "both are found")
        with serve(three):
            second.kill()
            client.wait_for([one, three], "the killed one gets no calls, the new one does")
            first.kill()
            client.wait_for([three], "all calls go to the last one")
