"""SIGHUP again and again: no room may keep a string of a config that main has freed (the sanitizers watch), and what is
live is taken over everywhere."""

import signal
import threading

import packets
import svc

ZONE = """$ORIGIN service.local.
$TTL 5
@ IN SOA ns1 hostmaster {serial} 3600 600 86400 5
@ IN NS ns1
ns1 IN A 127.0.0.1
fixed IN A 10.0.0.{serial}
"""

CONFIG = """[dns]
nsid = identity-{n}
udp_size = {udp_size}
[http]
token_file = {token}
hosts = host-{n}.example, other-{n}.example
[zone]
file = {zone}
ttl = {n}s
[check]
interval_min = {n}00ms
[log]
level = {level}
"""


class Reloaded:
    """A server with a config file that `reload` writes anew for each generation n = 1, 2, ..."""

    def __init__(self, tmp_path):
        self.n = 0
        self.path, self.token, self.zone = (tmp_path / name for name in ("svcdns.conf", "token", "zone"))
        self.write()
        self.server = svc.Server(tmp_path)
        argv = self.server.arguments
        self.server.arguments = lambda: argv() + [f"--config={self.path}"]
        self.server.start(ready=False)
        svc.wait_until(lambda: self.get("/readyz").status == 200, "/readyz answers 200")

    def write(self):
        self.n += 1
        self.token.write_text(f"token-{self.n}\n")
        self.token.chmod(0o600)
        self.zone.write_text(ZONE.format(serial=self.n))
        self.path.write_text(CONFIG.format(n=self.n, udp_size=1000 + self.n, zone=self.zone, token=self.token,
                                           level="debug" if self.n % 2 else "info"))

    def http(self, method, path, body=None, n=None, **headers):
        headers = {"Authorization": f"Bearer token-{n or self.n}", **headers}
        try:
            return self.server.http(method, path, body, headers, fresh=True)
        except OSError:
            return svc.Answer(0, {}, b"")

    def get(self, path, **headers):
        return self.http("GET", path, **headers)

    def reload(self):
        self.write()
        self.server.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: self.get("/v1/agent/services").status == 200, "the new token")
        svc.wait_until(lambda: nsid(self.server) == b"identity-%d" % self.n, "the new identity")
        svc.wait_until(lambda: self.server.ask("fixed.service.local").addresses() == [f"10.0.0.{self.n}"], "the new zone")

    def register(self, id, **fields):
        body = {"Name": "web", "ID": id, "Port": 80, **fields}
        answer = self.http("PUT", "/v1/agent/service/register", body)
        assert answer.status == 200, answer


def nsid(server):
    reply = server.ask("service.local", "SOA", options=packets.option(3))
    return next(iter(reply.opt.values(3)), None)


def test_every_room_lives_on_after_reloads(tmp_path):
    reloaded = Reloaded(tmp_path)
    server = reloaded.server
    try:
        pids = server.children()
        reloaded.register("first", Address="10.1.0.1", Tags=["v1"])
        for _ in range(4):
            # A query that is parked over the reload is woken by a write after it, and answered from the new config.
            index = reloaded.get("/v1/health/service/web").headers["X-Consul-Index"]
            n, woken = reloaded.n, []
            watcher = threading.Thread(target=lambda: woken.append(
                reloaded.get(f"/v1/health/service/web?index={index}&wait=10m", n=n)))
            watcher.start()
            svc.wait_until(lambda: "\nsvcdns_api_parked 1\n" in reloaded.get("/metrics").text, "the query is parked")
            reloaded.reload()
            assert reloaded.get("/v1/agent/services", n=n).status == 403
            assert reloaded.get("/readyz", Host=f"host-{reloaded.n}.example").status == 200
            assert reloaded.get("/readyz", Host=f"host-{n}.example").status == 403
            id = f"after{reloaded.n}"
            reloaded.register(id, Check={"CheckID": f"{id}-ttl", "TTL": "1h"})  # no Address: that of our own node
            watcher.join(svc.PATIENCE)
            assert woken and woken[0].status == 200 and id in woken[0].text
            assert reloaded.http("PUT", f"/v1/agent/check/pass/{id}-ttl").status == 200
            assert f"{id}.web.service.local" in [target for *_, target in server.ask("web.service.local", "SRV").srv()]
            assert server.ask(f"{id}.web.service.local").addresses() == ["127.0.0.1"]
            # A new zone.ttl is in the answers once the follower has rendered them again.
            svc.wait_until(lambda: {rr.ttl for rr in server.ask("v1.web.service.local").answer} == {reloaded.n}, "the TTL")
            for path in ("/v1/agent/self", "/v1/agent/checks", "/v1/catalog/nodes", "/v1/catalog/datacenters",
                         "/v1/catalog/service/web", "/v1/health/state/any", "/v1/health/node/testnode", "/metrics"):
                assert reloaded.get(path).status == 200, path
            assert reloaded.http("PUT", f"/v1/agent/service/deregister/{id}").status == 200
        assert server.children() == pids
        # A probe of a check that was registered before the last reload still runs.
        reloaded.register("probed", Check={"HTTP": f"http://127.0.0.1:{server.http_port}/healthz", "Interval": "1s"})
        reloaded.reload()
        svc.wait_until(lambda: "probed.web.service.local" in str(server.ask("web.service.local", "SRV").srv()),
                       "the probe passes")
        assert server.children() == pids
    finally:
        server.stop()
    assert "needs_restart" not in server.log()


def test_what_was_chosen_at_the_start_needs_no_restart(tmp_path):
    """Port 0 and another spelling of an address are not differences; log.level is live in the supervisor too."""
    config = tmp_path / "svcdns.conf"
    server = svc.Server(tmp_path, {"http.listen": f"127.0.0.1:{svc.free_port()},127.0.0.1:0"})
    server.http_port = int(server.config["http.listen"].split(":")[1].split(",")[0])
    if svc.IPV6:
        server.config["dns.listen"] = f"127.0.0.1:{server.port},[0:0::1]:{server.port}"
    config.write_text("[log]\nlevel = info\n")
    argv = server.arguments
    server.arguments = lambda: argv() + [f"--config={config}"]
    with server:
        server.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: server.log().count('msg="config taken over"') == 2 and "config read" in server.log(), "the reload")
        assert "needs_restart" not in server.log()
        config.write_text("[dns]\nnsid = quiet\n[log]\nlevel = error\n")
        server.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: nsid(server) == b"quiet", "the second reload")
        config.write_text("[log]\nlevel = loud\n")
        server.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: f"{config}:2: log.level: 'loud'" in server.log(), "the error is told")
        assert server.log().count('msg="config read"') == 1


class Edited:
    """A server whose options are in a config file that a test writes anew; a dict names them by section.key."""

    def __init__(self, tmp_path, config, **options):
        self.path = tmp_path / "svcdns.conf"
        self.write(config)
        self.server = svc.Server(tmp_path, options)
        argv = self.server.arguments
        self.server.arguments = lambda: argv() + [f"--config={self.path}"]

    def write(self, config):
        lines = []
        for key, value in config.items():
            section, _, name = key.partition(".")
            lines += [f"[{section}]", f"{name} = {value}"]
        self.path.write_text("\n".join(lines) + "\n")

    def reload(self, config, headers=None):
        self.write(config)
        return self.server.http("PUT", "/v1/agent/reload", headers=headers)


def test_a_reload_cannot_open_the_api_to_the_network(tmp_path):
    """The listeners stay as they are until a restart, and so must what makes them safe."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    bearer = {"Authorization": "Bearer secret"}
    port = svc.free_port(("0.0.0.0",))
    wide = {"http.listen": f"0.0.0.0:{port}", "http.token_file": token}
    edited = Edited(tmp_path, wide, **{"http.listen": None})
    server = edited.server
    server.http_port = port
    server.start(ready=False)
    try:
        svc.wait_until(lambda: "curl -X PUT" in server.log(), "the greeting")
        narrow = {"http.listen": f"127.0.0.1:{port}"}
        refused = edited.reload(narrow, bearer)
        assert refused.status == 400, refused
        assert f"http.listen 0.0.0.0:{port} is not loopback: set http.token_file first" in refused.text
        assert refused.text.splitlines()[-1] == "these need a restart, so their old values count: http.listen"
        assert server.http("GET", "/v1/agent/services", fresh=True).status == 403
        assert server.http("GET", "/v1/agent/services", headers=bearer, fresh=True).status == 200
        # With the token the same edit is good, and takes a restart.
        answer = edited.reload({**narrow, "http.token_file": token}, bearer)
        assert (answer.status, answer.text) == (200, "the config was read\nthese need a restart: http.listen")
    finally:
        server.stop()


def test_a_reload_reads_zone_files_by_the_zones_in_force(tmp_path):
    """With one zone.name a file without $ORIGIN is that zone's; with the two that stay until a restart it is nobody's."""
    zone = tmp_path / "a.zone"
    zone.write_text("$TTL 5\n@ IN SOA ns1 hostmaster 1 3600 600 86400 5\n@ IN NS ns1\nns1 IN A 127.0.0.1\nwww IN A 10.0.0.9\n")
    edited = Edited(tmp_path, {"zone.name": "a.test,b.test"}, **{"zone.name": None})
    with edited.server as server:
        refused = edited.reload({"zone.name": "a.test", "zone.file": zone, "zone.ttl": "7s"})
        assert refused.status == 400 and "the root cannot be served" in refused.text, refused
        assert refused.text.splitlines()[-1] == "these need a restart, so their old values count: zone.name"
        assert "config taken over" not in server.log()
        # With the origin in the file it does not matter.
        zone.write_text("$ORIGIN a.test.\n" + zone.read_text())
        assert edited.reload({"zone.name": "a.test", "zone.file": zone}).status == 200
        svc.wait_until(lambda: server.ask("www.a.test").addresses() == ["10.0.0.9"], "the file's zone")
        assert server.ask("b.test", "SOA").answer
