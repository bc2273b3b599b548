"""svcdns doctor on machines that run: it says no, the lines that it prints are put where it says, and it says yes."""

from pathlib import Path

import pytest

import doctor as program
import resolvers


def doctor(host, *arguments):
    """(exit status, what it says as JSON)"""
    done = program.Said(host.run(str(program.CLIENT), "doctor", "--json", *arguments, check=False))
    return done.status, done.json()


def apply(host, recipe):
    """Does what a person does with the printed lines."""
    for piece in recipe["Pieces"]:
        path = host.etc / Path(piece["Path"]).relative_to("/etc")
        before = path.read_text() if path.exists() else ""
        if piece["How"] == "add among the options of":
            text = before.replace("options {\n", "options {\n" + piece["Text"])
        else:
            text = piece["Text"] if piece["How"] == "write" else before + piece["Text"]
        host.write(path.relative_to(host.etc), text)


@pytest.mark.parametrize("resolver", [resolver for resolver in resolvers.ALL if resolver.name != "plain"],
                         ids=lambda resolver: resolver.name)
def test_no_and_yes(tmp_path, resolver):
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolver.base(host)
        resolver.start(host)
        status, said = doctor(host)
        assert status == 1 and not said["Reaches"] and said["Proof"]["Verdict"] == "not-found", said
        assert said["Proof"]["Name"] == "web.service.local" and said["Proof"]["Direct"] == ["10.0.0.1"]
        assert said["Recipe"]["Name"] == resolver.name, said

        host.stop_daemons()
        apply(host, said["Recipe"])
        resolver.start(host)
        status, said = doctor(host)
        assert status == 0 and said["Reaches"] and said["Proof"]["Verdict"] == "yes", said
        assert said["Proof"]["Found"] == ["10.0.0.1"]


def test_plain(tmp_path):
    with resolvers.Host(tmp_path, **{"dns.listen": "127.0.0.1:53"}) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        host.resolv_conf("nameserver 127.0.0.9\n")
        status, said = doctor(host, "--dns=127.0.0.1:53")
        assert status == 1 and "nothing listens on port 53 of 127.0.0.9" in said["Found"], said
        assert said["Proof"]["Verdict"] == "not-found" and said["Proof"]["Direct"] == ["10.0.0.1"]
        printed = host.run(str(program.CLIENT), "doctor", "--print=resolv.conf", "--dns=127.0.0.1:53").stdout
        host.write("resolv.conf", printed)
        status, said = doctor(host, "--dns=127.0.0.1:53")
        assert status == 0 and said["Proof"]["Verdict"] == "yes" and said["Resolver"] == "svcdns", said


def test_what_is_looked_up(tmp_path):
    """A healthy service, or the one that is named; it says how to register one if there is none."""
    with resolvers.Host(tmp_path, **{"dns.listen": "127.0.0.1:53"}) as host:
        at = "--dns=127.0.0.1:53"
        status, said = doctor(host, at)
        assert status == 1 and said["Proof"]["Verdict"] == "no-service"
        assert "svcdns register" in said["Proof"]["Sentence"]
        host.register({"Name": "down", "Address": "10.0.1.1", "Port": 80, "Check": {"TTL": "1h"}})
        assert doctor(host, at)[1]["Proof"]["Verdict"] == "no-service"
        host.register_many({"Name": "web", "ID": f"w{n}", "Address": f"10.0.0.{n}", "Port": 80} for n in range(100))
        status, said = doctor(host, at)
        assert status == 0 and said["Proof"]["Name"] == "web.service.local"
        assert len(said["Proof"]["Direct"]) == len(said["Proof"]["Found"]) == 100, "by TCP too"
        host.register({"Name": "api", "Address": "2001:db8::1", "Port": 80})
        assert doctor(host, at, "api")[1]["Proof"]["Found"] == ["2001:db8::1"]
        assert doctor(host, at, "never")[0] == 1


def test_somebody_else(tmp_path):
    """A name that /etc/hosts has too resolves, but not to what is registered."""
    with resolvers.Host(tmp_path, **{"dns.listen": "127.0.0.1:53"}) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        host.write("hosts", "10.9.9.9 web.service.local\n")
        status, said = doctor(host, "--dns=127.0.0.1:53")
        assert status == 1 and said["Proof"]["Verdict"] == "other" and said["Proof"]["Found"] == ["10.9.9.9"]


def test_no_server(tmp_path):
    with resolvers.Host(tmp_path) as host:
        status, said = doctor(host, "--dns=127.0.0.1:1", "--http=127.0.0.1:1")
        assert status == 1 and said["Proof"]["Verdict"] == "no-server"
