"""The snippets of the README and of doc/ (what stands indented by four spaces, or between fences) and of the manual pages
(displays). tests/integration/test_snippets.py says of each how it is run or checked."""

import re
from typing import NamedTuple

import svc


class Snippet(NamedTuple):
    page: str  # "README.md"
    line: int  # of its first line
    language: str  # what the fence says; "" for an indented one
    text: str

    @property
    def first(self):
        return self.text.splitlines()[0]


def read(page):
    return (svc.ROOT / page).read_text(encoding="utf-8")


def pages():
    """The README and all pages under doc/, by their paths in the tree."""
    return ["README.md"] + sorted(str(path.relative_to(svc.ROOT)) for path in (svc.ROOT / "doc").rglob("*.md"))


def of_text(page, text):
    """All snippets of a page's text, in order."""
    found = []
    for match in re.finditer(r"^```([\w-]*)\n(.*?)^```$|(?<=\n\n)((?:    [^\n]*\n|\n(?=    ))+)", text, re.M | re.S):
        line = text.count("\n", 0, match.start()) + 1
        if match.group(3):
            found.append(Snippet(page, line, "", re.sub(r"^    ", "", match.group(3), flags=re.M)))
        else:
            found.append(Snippet(page, line + 1, match.group(1), match.group(2)))
    return found


def of(page):
    return of_text(page, read(page))


def man_pages():
    """The sources of the manual, by their paths in the tree; of some a part is generated."""
    return sorted(f"man/{path.name}" for path in (svc.ROOT / "man").iterdir() if path.name != "meson.build")


def of_man_text(page, text):
    """The displays of mdoc that keep their lines as they are, and those of one line."""
    found = []
    for match in re.finditer(r"^\.Bd -(?:literal|unfilled)[^\n]*\n(.*?)^\.Ed$|^\.D[1l] ([^\n]*\n)", text, re.M | re.S):
        group = 1 if match.group(1) is not None else 2
        line = text.count("\n", 0, match.start(group)) + 1
        found.append(Snippet(page, line, "", match.group(group).replace("\\e", "\\")))
    return found


def of_man(page):
    return of_man_text(page, read(page))


def sixty_seconds(port, dns, http):
    """The README's block that registers a service, as a script for bash -m: on these ports, and waiting where a person
    is slower than a script (the service must be up before its first check, and that must be done before the query)."""
    text = next(s.text for s in of("README.md") if "/v1/agent/service/register" in s.text)
    for old, new in (("8001", port), ("8600", dns), ("8500", http)):
        assert old in text
        text = text.replace(old, str(new))
    text = text.replace("&\n", f"&\nuntil curl -so /dev/null 127.0.0.1:{port}; do sleep 0.05; done\n", 1)
    wait = f"until dig @127.0.0.1 -p {dns} web.service.local A +short | grep -q .; do sleep 0.05; done\n"
    return text.replace("dig @", wait + "dig @", 1)
