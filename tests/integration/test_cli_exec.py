"""svcdns exec: registered while the command runs, and its exit status passed on, whatever happens to either."""

import http.server
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

import svc
from cli import CLIENT, Client, usual_signals


@pytest.fixture
def client(server):
    return Client(server)


class Run:
    """svcdns exec of a shell that says its pid and then waits for a line on its stdin."""

    def __init__(self, client, *flags, trap="", script="read line; exit 7", **options):
        self.process = client.start("exec", *flags, "job", "--", "sh", "-c", f"{trap} echo $$; {script}",
                                    stdin=subprocess.PIPE, **options)
        self.command = int(self.process.stdout.readline())

    def end(self):
        """Its exit status, and what it said on stderr."""
        _, said = self.process.communicate("\n", timeout=svc.PATIENCE)
        assert not svc.REPORTS.search(said.encode()), said
        return self.process.returncode, said


def healthy(server):
    return [entry["Service"]["ID"] for entry in server.get("/v1/health/service/job?passing")]


def registered(server):
    return sorted(server.get("/v1/agent/services"))


def test_registered_while_it_runs(client, server):
    run = Run(client, "--id=j1", "--port=4711", "--tag=x")
    svc.wait_until(lambda: healthy(server) == ["j1"], "the first heartbeat")
    assert server.ask("x.job.service.local", "SRV").srv()[0][2] == 4711
    assert run.end() == (7, "")
    assert registered(server) == []


@pytest.mark.parametrize("script,status", [
    ("true", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("kill -SEGV $$", 139), ("kill -TERM $$", 143)])
def test_exit_status(client, server, script, status):
    done = client("exec", "job", "--", "sh", "-c", script)
    assert done.status == status and registered(server) == [], done


def test_arguments_are_the_commands_own(client):
    done = client("exec", "job", "--", "printf", "%s,", "--json", "--", "a b", "$HOME")
    assert (done.status, done.out) == (0, "--json,--,a b,$HOME,")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_signals_are_forwarded(client, server, number):
    name = signal.Signals(number).name[3:]
    run = Run(client, trap=f"trap 'echo caught; exit 9' {name};", script="while :; do sleep 0.1; done")
    run.process.send_signal(number)
    out, said = run.process.communicate(timeout=svc.PATIENCE)
    assert (run.process.returncode, out, said) == (9, "caught\n", "")
    assert registered(server) == []


def test_command_killed(client, server):
    run = Run(client)
    os.kill(run.command, signal.SIGKILL)
    assert run.end() == (137, "")
    assert registered(server) == []


@pytest.mark.parametrize("start,caught", [("", 1), ("setsid -w", 0)], ids=["its group", "another group"])
def test_signals_of_a_terminal_come_once(client, start, caught):
    """Ctrl-C reaches the whole foreground group; a second one from us would be one too many. A command may see two that
    come close together as one, so a command outside the group, which gets none, tells whether we send ours."""
    program = (
        "import os, pty, signal, sys, time\n"
        "pid, fd = pty.fork()\n"
        "if pid == 0:\n"
        "    os.execv(sys.argv[1], sys.argv[1:])\n"
        "seen = b''\n"
        "while b'ready' not in seen:\n"
        "    seen += os.read(fd, 100)\n"
        "os.write(fd, b'\\x03')\n"
        "while True:\n"
        "    try:\n"
        "        data = os.read(fd, 100)\n"
        "    except OSError:\n"
        "        break\n"
        "    if not data:\n"
        "        break\n"
        "    seen += data\n"
        "print(seen.count(b'caught'))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n")
    script = "n=0; trap 'echo caught' INT; echo ready; while [ $n -lt 40 ]; do sleep 0.05; n=$((n + 1)); done; exit 5"
    done = subprocess.run([sys.executable, "-c", program, CLIENT, "exec", "job", "--", *start.split(), "sh", "-c", script],
                          env=client.environment(), preexec_fn=usual_signals, capture_output=True, text=True,
                          timeout=svc.PATIENCE)
    assert done.stdout == f"{caught}\n5\n", done


def is_pending(pid, number):
    with open(f"/proc/{pid}/status") as lines:
        masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(mask >> number - 1 & 1 for mask in masks)


def test_a_signal_before_the_command_is_not_lost():
    """Ctrl-C while the registration waits for its reply: the command cannot have had it, so it is not started, and the
    instance does not stay."""
    asked = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            if len(asked) == 1:
                os.write(terminal, b"\x03")
                svc.wait_until(lambda: is_pending(child, signal.SIGINT), "the client has the signal")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Api) as api:
        api.timeout = svc.PATIENCE
        environment = Client(None).environment(SVCDNS_HTTP_ADDR=f"127.0.0.1:{api.server_port}")
        child, terminal = pty.fork()
        if child == 0:
            usual_signals()
            os.execve(CLIENT, [CLIENT, "exec", "job", "--", "echo", "r", "a", "n"], environment)
        api.handle_request()
        api.handle_request()
    seen = b""
    try:
        while more := os.read(terminal, 1000):
            seen += more
    except OSError:  # EIO: the client has ended
        pass
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert b"r a n" not in seen and b"echo is not started: Interrupt" in seen, seen
    assert status == 128 + signal.SIGINT
    assert asked == ["/v1/agent/service/register", "/v1/agent/service/deregister/job"]


def test_command_dies_with_us(client):
    """SIGKILL cannot be forwarded, so the kernel tells the command."""
    run = Run(client, script="while :; do sleep 0.1; done")
    run.process.kill()
    run.process.communicate(timeout=svc.PATIENCE)

    def gone():
        try:
            return open(f"/proc/{run.command}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    svc.wait_until(gone, "the command has ended")


def test_heartbeats_keep_it_alive(client, server):
    """For twice its TTL, which a busy machine can keep to."""
    run = Run(client, "--ttl=4s")
    svc.wait_until(lambda: healthy(server) == ["job"], "the first heartbeat")
    transitions = 'svcdns_check_transitions_total{to="critical"}'
    end = time.monotonic() + 8
    svc.wait_until(lambda: healthy(server) != ["job"] or time.monotonic() > end, "eight seconds are over")
    assert healthy(server) == ["job"] and server.metric(transitions) == 0
    assert run.end() == (7, "")


def test_server_restarted(client, server):
    """The registry is the same: the heartbeat goes on."""
    run = Run(client, "--ttl=3s")
    svc.wait_until(lambda: healthy(server) == ["job"], "the first heartbeat")
    server.stop()
    assert "the command goes on" in "".join(run.process.stderr.readline() for _ in range(2))
    server.start()
    assert "is back" in run.process.stderr.readline()
    svc.wait_until(lambda: healthy(server) == ["job"], "a heartbeat again")
    assert run.end() == (7, "")
    assert registered(server) == []


def test_server_that_forgot(client, server):
    """Somebody deregistered it, or the registry was lost: it is registered anew."""
    run = Run(client, "--ttl=1s", "--port=5")
    svc.wait_until(lambda: healthy(server) == ["job"], "the first heartbeat")
    server.deregister("job")
    svc.wait_until(lambda: healthy(server) == ["job"], "it is registered again")
    assert server.get("/v1/agent/service/job")["Port"] == 5
    assert run.end() == (7, "")


def test_ends_while_the_server_is_away(client, server):
    run = Run(client, "--ttl=1s")
    svc.wait_until(lambda: healthy(server) == ["job"], "the first heartbeat")
    server.stop()
    status, said = run.end()
    assert status == 7 and "job is not deregistered; its TTL check will do that" in said
    server.start()


def test_server_that_hangs(start_server):
    """A stopped server holds up neither signals nor the end of the command."""
    server = start_server(**svc.MAY_STAND_STILL)
    run = Run(Client(server), "--ttl=1s", trap="trap 'exit 9' TERM;", script="while :; do sleep 0.05; done")
    svc.wait_until(lambda: healthy(server) == ["job"], "the first heartbeat")
    pid = server.signal("sidecar", signal.SIGSTOP)
    try:
        run.process.send_signal(signal.SIGTERM)
        svc.wait_until(lambda: not os.path.exists(f"/proc/{run.command}"), "the command has ended")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert run.process.wait(svc.PATIENCE) == 9
    run.process.communicate()


def test_refused(client, server):
    done = client("exec", "no good", "--", "echo", "ran")
    assert done.status == 1 and "says 400" in done.err and "ran" not in done.out
    done = client("exec", "job", "--", "/nonexistent/program")
    assert done.status == 127 and "cannot run /nonexistent/program: No such file" in done.err
    done = client("exec", "job", "--", "/etc/passwd")
    assert done.status == 126 and "Permission denied" in done.err
    assert registered(server) == []


def test_other_checks_count_too(client, server):
    run = Run(client, f"--check-tcp=127.0.0.1:{svc.free_port()}", "--interval=1s")
    svc.wait_until(lambda: {check["Type"]: check["Status"] for check in server.get("/v1/agent/checks").values()} ==
                   {"ttl": "passing", "tcp": "critical"}, "both checks have a verdict")
    assert healthy(server) == []
    assert run.end()[0] == 7
