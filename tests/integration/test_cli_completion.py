"""The completion scripts in the shells that they are for."""

import re
import shutil
import subprocess

import pytest

import svc
from cli import CLIENT, Client

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def complete(server, tmp_path):
    """complete(shell, words...) gives what the shell offers for the last word."""
    server.register("web", "w$(touch pwned)", "10.0.0.1", 1)
    server.register("worker", "x1", "10.0.0.2", 1)
    client = Client(server)
    scripts = {shell: tmp_path / f"svcdns.{shell}" for shell in SHELLS}
    for shell, path in scripts.items():
        path.write_text(client("completion", shell).out)

    def bash(words):
        quoted = " ".join(f"'{word}'" for word in words)
        return (f"source {scripts['bash']}; COMP_WORDS=(svcdns {quoted}); COMP_CWORD={len(words)}; _svcdns; "
                "printf '%s\\n' \"${COMPREPLY[@]}\"")

    def zsh(words):
        # compadd is replaced by one that prints, because completion runs in an interactive shell only.
        quoted = " ".join(f"'{word}'" for word in words)
        return (f"compadd() {{ shift; print -rl -- \"$@\"; }}; _files() {{ print -rl -- *; }}; compdef() {{ :; }}; "
                f"source {scripts['zsh']}; words=(svcdns {quoted}); CURRENT={len(words) + 1}; _svcdns")

    def fish(words):
        line = " ".join(["svcdns", *words])
        return f"source {scripts['fish']}; complete -C '{line}'"

    makers = {"bash": bash, "zsh": zsh, "fish": fish}

    def run(shell, *words):
        program = shutil.which(shell)
        if not program:
            pytest.skip(f"{shell} is not installed")
        environment = client.environment(PATH=f"{CLIENT.parent}:/usr/bin:/bin", HOME=str(tmp_path))
        options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
        done = subprocess.run([program, *options, "-c", makers[shell](words)], env=environment, cwd=tmp_path,
                              capture_output=True, text=True, timeout=svc.PATIENCE * 2)
        assert done.stderr == "", done
        assert not (tmp_path / "pwned").exists(), "a name was run as a command"
        return [re.sub(r"\t.*", "", line) for line in done.stdout.splitlines()]

    return run


def offered(found, prefix):
    """zsh filters by itself, later."""
    return sorted({word for word in found if word.startswith(prefix)})


@pytest.mark.parametrize("shell", SHELLS)
def test_verbs_and_flags(complete, shell):
    assert offered(complete(shell, "re"), "re") == ["register", "reload"]
    assert offered(complete(shell, "list", "--p"), "--p") == ["--problems"]
    assert offered(complete(shell, "register", "--check"), "--check") == ["--check-grpc", "--check-http", "--check-tcp"]
    assert offered(complete(shell, "help", "un"), "un") == ["undrain"]
    assert offered(complete(shell, "completion", "f"), "f") == ["fish"]


@pytest.mark.parametrize("shell", SHELLS)
def test_all_verbs_are_offered(complete, shell):
    verbs = re.findall(r"^  ([a-z][a-z-]+)", Client(None)("help").out, re.M)
    assert set(verbs) <= set(complete(shell, ""))


@pytest.mark.parametrize("shell", SHELLS)
def test_names_from_the_server(complete, shell):
    assert offered(complete(shell, "show", "w"), "w") == ["web", "worker"]
    assert offered(complete(shell, "--json", "show", "we"), "we") == ["web"]
    assert offered(complete(shell, "drain", "x"), "x") == ["x1"]


@pytest.mark.parametrize("shell", SHELLS)
def test_ids_are_not_run(complete, shell):
    found = offered(complete(shell, "drain", "w"), "w")
    assert len(found) == 1 and "touch" in found[0]
    if shell == "bash":
        assert found == [r"w\$\(touch\ pwned\)"], "what bash puts into the line is quoted"


@pytest.mark.parametrize("shell", SHELLS)
def test_files_and_free_values(complete, tmp_path, shell):
    (tmp_path / "token-of-mine").write_text("")
    assert offered(complete(shell, "list", "--token-file", "tok"), "tok") == ["token-of-mine"]
    assert offered(complete(shell, "backup", "tok"), "tok") == ["token-of-mine"]
    assert offered(complete(shell, "register", "--id", "w"), "w") == []


def test_every_verb_and_flag_is_there():
    client = Client(None)
    verbs = re.findall(r"^  ([a-z][a-z-]+)", client("help").out, re.M)
    for shell in SHELLS:
        script = client("completion", shell).out
        for verb in verbs:
            assert re.search(rf"\b{verb}\b", script), (shell, verb)
            for flag in re.findall(r"^  --([a-z-]+)", client("help", verb).out, re.M):
                assert re.search(rf"(--|-l ){flag}\b", script), (shell, flag)
