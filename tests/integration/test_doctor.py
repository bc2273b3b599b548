"""svcdns doctor on trees of files: what it finds, what it advises, and that it changes nothing. What it says of a machine
that runs is in tests/interop/test_doctor_machines.py."""

import pytest

import etc_trees
import resolvers
from doctor import run

NAMES = ["resolved", "networkmanager", "dnsmasq", "unbound", "bind", "resolv.conf", "compose"]


def contents(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("name", etc_trees.TREES)
def test_tree(tmp_path, name):
    files, reaches, resolver, recipe, found, todo = etc_trees.TREES[name]
    root = etc_trees.build(files, tmp_path / "root")
    before = contents(root)
    done = run("doctor", f"--root={root}", "--zone=service.local", "--json")
    assert done.status == (0 if reaches else 1), done
    said = done.json()
    assert (said["Reaches"], said["Resolver"]) == (reaches, resolver), said
    assert (said["Recipe"] or {}).get("Name") == recipe, said
    assert any(found in line for line in said["Found"]), said
    assert any(todo in line for line in said["Todo"]) if todo else True, said
    assert said["Proof"] is None and contents(root) == before
    text = run("doctor", f"--root={root}", "--zone=service.local")
    assert text.status == done.status and all(line in text.out for line in said["Found"] + said["Todo"])
    assert not any(line.endswith(" ") for line in text.out.splitlines())


def test_links_stay_inside(tmp_path):
    """A link of the tree that leads out of it is followed in the tree."""
    (tmp_path / "outside").write_text("nameserver 127.0.0.11\n")
    root = etc_trees.build({"etc/resolv.conf": f"-> {tmp_path}/outside", "etc/nsswitch.conf": etc_trees.NSS},
                           tmp_path / "root")
    assert "Docker" not in run("doctor", f"--root={root}", "--zone=service.local").out


def test_port_53(tmp_path):
    """Where it is set depends on who opens the sockets."""
    files, *_ = etc_trees.TREES["docker"]
    root = etc_trees.build(files, tmp_path / "root")
    said = run("doctor", f"--root={root}", "--zone=service.local").out
    assert "listen on port 53 of that address (dns.listen, or svcdns.socket where systemd" in said.replace("\n", " ")


def test_plain(tmp_path):
    root = etc_trees.build(etc_trees.machine(), tmp_path / "root")
    done = run("doctor", f"--root={root}", "--dns=127.0.0.1:53", "--zone=service.local", "--json")
    assert done.status == 0 and done.json()["Resolver"] == "svcdns"


def test_two_labels(tmp_path):
    """Services directly below .local are what nss-mdns takes for its own."""
    root = etc_trees.build(etc_trees.machine(etc_trees.listening("unbound"), nsswitch=etc_trees.NSS_DESKTOP),
                           tmp_path / "root")
    said = run("doctor", f"--root={root}", "--zone=local", "--json").json()
    assert said["Resolver"] == "" and "In /etc/nsswitch.conf, put mdns4_minimal behind dns." in said["Todo"]


@pytest.mark.parametrize("name", NAMES)
def test_print(name):
    done = run("doctor", f"--print={name}", "--json", "--dns=[2001:db8::1]:5353", "--zone=a.example")
    assert done.status == 0
    text = run("doctor", f"--print={name}", "--dns=[2001:db8::1]:5353", "--zone=a.example").out
    wanted = [resolvers.recipe(file, "2001:db8::1", 5353, "a.example") for file in resolvers.FILES[name]]
    assert [piece["Text"] for piece in done.json()["Pieces"]] == wanted
    assert all(piece in text for piece in wanted) and "@" not in text.replace("2001:db8::1@5353", "")


def test_print_unknown():
    done = run("doctor", "--print=nonsense")
    assert done.status == 2 and done.err == f"svcdns: --print: there is no recipe 'nonsense', but {', '.join(NAMES)}\n"


@pytest.mark.parametrize("arguments,said", [
    (["--root=/nonexistent"], "--root: cannot open /nonexistent: No such file or directory"),
    (["--zone=a b"], "--zone: 'a b' is not the name of a zone"),
    (["--zone=\";}"], "is not the name of a zone"),
])
def test_wrong_usage(arguments, said):
    done = run("doctor", *arguments)
    assert done.status == 2 and said in done.err and done.out == "", done
