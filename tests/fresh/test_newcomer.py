"""A newcomer's path in a fresh Debian 12, by the README alone: clone, run, register, ask, resolve, test. What one step
leaves behind is what the next begins with."""

import re
import subprocess

import pytest

import local
import snippets
import svc
import under_load

CLONE = "/root/svcdns"

# Starts the server as the README says, and waits until it says that it is ready.
START = """cd /root/svcdns
%s >/tmp/server.log 2>&1 &
server=$!
until grep -q ' is ready: ' /tmp/server.log; do
	kill -0 $server || { cat /tmp/server.log; exit 1; }
	sleep 0.2
done
"""
STOP = """
kill $server
wait $server
"""


@pytest.fixture(scope="module")
def clone(fresh):
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", svc.ROOT, f"{fresh.path}{CLONE}"], check=True, timeout=120)
    return fresh


def command(name):
    """A command of the README that stands alone on its line."""
    return re.search(rf"^    ({re.escape(name)})$", snippets.read("README.md"), re.M).group(1)


@pytest.fixture(scope="module")
def ran(clone):
    """tools/run as it is written, on its own ports, and in another terminal the sixty seconds."""
    for port in (8001, 8500, 8600):
        if not local.is_free("127.0.0.1", port):
            pytest.skip(f"port {port}, which the README uses, is taken on this machine")
    script = snippets.sixty_seconds(8001, 8600, 8500)
    (clone.path / "tmp/sixty-seconds").write_text(script)
    clone.output = clone.run(START % command("tools/run") + "bash -m /tmp/sixty-seconds" + STOP, timeout=1800)
    return clone


def test_run_register_and_dig(ran):
    assert "web.service.local.\t5\tIN\tSRV\t1 1 8001 web.web.service.local." in ran.output


def test_every_program_resolves(ran):
    """resolv.conf with the server in it: getent and Python find the name; alone on the machine, port 53 is ours."""
    output = ran.run(
        "echo nameserver 127.0.0.1 >/tmp/resolv.conf\n"
        "mount --bind /tmp/resolv.conf /etc/resolv.conf\n"  # for this one: what comes after needs the network
        + START % f"{command('tools/run')} --dns.listen=127.0.0.1:53"
        + """curl -sS -X PUT 127.0.0.1:8500/v1/agent/service/register \\
    -d '{"Name": "api", "Port": 8080, "Address": "127.0.0.5"}'
getent hosts api.service.local
python3 -c 'import socket; print(socket.gethostbyname("api.service.local"))'
cli=build/release/tools/svcdns/svcdns
$cli list
$cli --dns=127.0.0.1:53 doctor api
""" + STOP,
        alone=True)
    assert re.search(r"^127\.0\.0\.5 +api\.service\.local$", output, re.M)
    assert re.search(r"^127\.0\.0\.5$", output, re.M)


def test_install_and_uninstall(ran):
    """No systemd is here: it is said, and the rest is done."""
    output = ran.run(f"cd {CLONE} && {command('tools/install')} && svcdnsd --check-config --config=/etc/svcdns/svcdns.conf")
    assert "systemd is not installed here" in output and "the config is good" in output
    ran.run("cd /root/svcdns && tools/uninstall --purge && test ! -e /usr/local/sbin/svcdnsd && test ! -e /etc/svcdns")


# Lists what is installed: all but what systemd itself writes.
INSTALL = f"""cd {CLONE}
list() {{ find / -xdev \\( -path /root -o -path /var/lib/systemd -o -path /var/log -o -path '/var/tmp/*' \\) -prune -o -print | sort; }}
list >/root/before
%s
stat -c "user %%u" /proc/$(systemctl show -P MainPID svcdns)
python3 tests/fresh/under_load.py {CLONE}/tools/install
svcdns list
tools/uninstall --purge
list >/root/after
diff /root/before /root/after
systemctl --all --no-legend list-units 'svcdns*'
"""


def test_install_for_good(ran):
    """With the real systemd: it runs as nobody in particular, an upgrade under load refuses nothing, and after
    tools/uninstall the machine is as it was."""
    ran.run("apt-get -qq -y install --no-install-recommends systemd systemd-sysv dbus")
    if reason := ran.why_no_boot():
        pytest.skip(reason)
    said = ran.boot(INSTALL % command("tools/install"))
    under_load.check(ran, said)
    assert "svcdns.service runs\n" in said and re.search(r"^web +1/1 ", said, re.M), said
    assert 61184 <= int(re.search(r"^user (\d+)$", said, re.M).group(1)) <= 65519, said  # as systemd gives to DynamicUser=
    assert said.endswith("removed, with config and registry\n"), said


def test_the_tests(clone):
    """tools/test, with all that it installs."""
    output = clone.run(f"cd {CLONE} && {command('tools/test')}", timeout=3600)
    assert re.search(r"^\d+ passed, 0 failed, \d+ skipped$", output.strip().splitlines()[-1])
