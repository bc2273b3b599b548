"""doc/http-api.md and the route table say the same: a row for each route, with its methods, and no row that says of a
path that is not served that it is."""

import re

import pytest

from lint_tree import ROOT, report

METHODS = {"GET": {"GET"}, "PUT": {"PUT"}, "LEGACY": {"GET", "PUT"}, "READ": {"GET"}}
VERDICTS = {"same", "better", "differs", "not offered"}


def routes(source):
    """{path: methods} of the route table."""
    found = {}
    for path, flags in re.findall(r'^\t\{"(/[^"]*)", ([A-Z_ |]+), ROUTE_[A-Z]+, \w+\},?$', source, re.M):
        names = [flag for flag in flags.split(" | ") if flag in METHODS]
        found[path] = set().union(*(METHODS[name] for name in names))
    return found


def rows(page):
    """(path, methods, verdict, note) of each row; what is variable in the path is left out, as in the table."""
    for path, methods, verdict, note in re.findall(r"^\| `(/[^`]*)` \|([^|]*)\|([^|]*)\|(.*)\|$", page, re.M):
        yield path.split(":")[0], set(methods.split()), verdict.strip(), note.strip()


def violations(source, page):
    table, found, seen = routes(source), [], set()
    for path, methods, verdict, note in rows(page):
        if path in seen:
            found.append(f"{path}: two rows")
        seen.add(path)
        if verdict not in VERDICTS:
            found.append(f"{path}: '{verdict}' is none of {', '.join(sorted(VERDICTS))}")
        if verdict != "same" and not note:
            found.append(f"{path}: {verdict}, but not how or why")
        if verdict == "not offered" and (path in table or methods):
            found.append(f"{path}: not offered, but served")
        if verdict != "not offered" and path not in table:
            found.append(f"{path}: {verdict}, but there is no such route")
        if path in table and methods != table[path]:
            found.append(f"{path}: the route takes {' '.join(sorted(table[path]))}")
    return found + [f"{path}: no row" for path in table if path not in seen]


def test_page_and_table_agree():
    source = (ROOT / "src/sidecar/routes.c").read_text()
    page = (ROOT / "doc/http-api.md").read_text()
    assert len(routes(source)) == source.count("\t{\"/") > 30
    assert list(routes(source)) == sorted(routes(source)), "routes_find() searches by order"
    found = violations(source, page)
    assert not found, report(found)


SOURCE = '\t{"/a", GET | ROUTE_PLAIN, ROUTE_READ, api_a},\n\t{"/b/", LEGACY, ROUTE_READ, api_b},\n'


@pytest.mark.parametrize("page, expected", [
    ("| `/a` | GET | same | |\n| `/b/:id` | GET PUT | better | how |\n| `/c` | | not offered | why |\n", []),
    ("| `/a` | GET | same | |\n", ["/b/: no row"]),
    ("| `/a` | GET | differs | |\n| `/b/:id` | GET PUT | differs | how |\n", ["/a: differs, but not how or why"]),
    ("| `/a` | PUT | same | |\n| `/b/:id` | GET PUT | better | |\n", ["/a: the route takes GET", "/b/: better, but not how or why"]),
    ("| `/a` | | not offered | why |\n| `/b/:id` | GET PUT | same | |\n| `/c` | GET | same | |\n",
     ["/a: not offered, but served", "/a: the route takes GET", "/c: same, but there is no such route"]),
    ("| `/a` | GET | nice | well |\n| `/a` | GET | same | |\n| `/b/:id` | GET PUT | same | |\n",
     ["/a: 'nice' is none of better, differs, not offered, same", "/a: two rows"]),
])
def test_violations_are_caught(page, expected):
    assert violations(SOURCE, page) == expected
