"""The page keeps to itself: no markup from texts, nothing inline, nothing from elsewhere.

1. No script makes HTML of a string; names and outputs come from strangers.
2. No script or style is inline, and nothing is loaded from another place: the policy (CSP) would refuse it.
3. Files have up to 500 lines, and each is in the build's list.
"""

import re

import pytest

from lint_tree import ROOT, Tree, report

MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTMLUnsafe|DOMParser|srcdoc"
    r"|eval|new Function)\b")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:\w+:)?//|@import|url\(|\bfrom\s+["'](?:\w+:)?//|\bimport\(""")
FILE_LINES = 500


def page_violations(tree):
    found = []
    for path in sorted((tree.root / "ui").iterdir()):
        lines = path.read_text(encoding="utf-8").splitlines()
        rules = [ELSEWHERE] + ([INLINE] if path.suffix == ".html" else [MARKUP])
        if len(lines) > FILE_LINES:
            found.append(f"ui/{path.name}:{len(lines)}: {FILE_LINES} lines is the limit")
        for number, line in enumerate(lines, 1):
            found += [f"ui/{path.name}:{number}: {match.group()}" for rule in rules for match in rule.finditer(line)]
    return found


def test_page():
    found = page_violations(Tree())
    assert not found, report(found)


def test_every_file_is_built():
    build = (ROOT / "src/sidecar/meson.build").read_text()
    assert [path.name for path in (ROOT / "ui").iterdir() if f"'{path.name}'" not in build] == []


@pytest.mark.parametrize("path,text", [
    ("ui/a.js", "box.innerHTML = name;"),
    ("ui/a.js", "box.insertAdjacentHTML('beforeend', name);"),
    ("ui/a.js", "eval(name)"),
    ("ui/a.js", 'import x from "https://cdn.example/x.js";'),
    ("ui/a.html", '<img src="x" onerror="f()">'),
    ("ui/a.html", "<script>f()</script>"),
    ("ui/a.html", '<p style="color: red">'),
    ("ui/a.html", '<link href="//fonts.example/a.css">'),
    ("ui/a.css", "@import 'b.css';"),
    ("ui/a.css", "p { background: url(https://example/x.png); }"),
    ("ui/a.css", "\n" * 501),
])
def test_caught(made_up, path, text):
    assert len(page_violations(made_up({path: text}))) == 1


def test_allowed(made_up):
    assert page_violations(made_up({
        "ui/a.js": 'import { b } from "./b.js";\nbox.textContent = name;\n"http://$backend"',
        "ui/a.html": '<script type="module" src="/ui/a.js"></script><a href="/v1/">x</a>',
    })) == []
