"""The include law: rooms stand on floors, and a room sees the doors of the rooms below it, and nothing else.

1. Quoted includes are written from src/ and name a header that exists; <...> is for the system and libraries.
2. Inside its own room a file may include any header.
3. Of a room on a lower floor it may include the door, src/<room>/<room>.h. In base and net each header is a door.
4. Rooms on one floor, and rooms above, are never included.
5. A library belongs to the rooms of the table LIBRARIES.
6. wire computes only: no allocation, input, output, threads or time. Floors 1 to 3 do not log.
7. The client in tools/ stands outside: it knows its own folder and the doors of base, net and wire, and does not log.
"""

import re

import pytest

from lint_tree import Tree, report

FLOORS = {
    "base": 0,
    "wire": 1, "net": 1,
    "registry": 2, "http": 2,
    "view": 3,
    "dns": 4, "sidecar": 4, "health": 4, "relay": 4,
    "main": 5,
}
EVERY_HEADER_IS_A_DOOR = {"base", "net"}

# A library's headers, and the folders (or the one file) that may know of it.
LIBRARIES = [
    (r"sqlite3\.h", {"registry"}),
    (r"urcu(/.*|\.h|-.*\.h)", {"view"}),
    (r"ldns/.*", {"view", "tools", "src/sidecar/dns_text.c", "src/relay/answer.c"}),
    (r"curl/.*", {"http", "tools"}),
    (r"ini\.h", {"main"}),
    (r"jansson\.h", {"registry", "sidecar", "health", "tools"}),
    (r"event2/.*|event\.h|evhttp\.h", {"http", "dns", "sidecar", "health", "relay", "main"}),
    (r"unbound(-event)?\.h", {"src/relay/resolver.c"}),
    (r"openssl/.*", {"http"}),
]

SEEN_BY_TOOLS = {"base", "net", "wire"}

NOT_IN_WIRE = re.compile(r"(stdio|stdlib|pthread|threads|time|unistd|malloc|poll|signal)\.h|sys/.*|netinet/.*|base/log\.h")


def library_violations(source, room, line, target):
    for pattern, rooms in LIBRARIES:
        if re.fullmatch(pattern, target) and room not in rooms and source.name not in rooms:
            folders = sorted(name for name in rooms if not name.endswith(".c"))
            yield f"{source.name}:{line}: <{target}> is for {', '.join(folders)} only"
    if room == "wire" and NOT_IN_WIRE.fullmatch(target):
        yield f"{source.name}:{line}: wire only computes, without {target}"


def room_violations(tree, source, room, line, target):
    where = f"{source.name}:{line}"
    other = target.split("/")[0]
    if not target.endswith(".h"):
        yield f"{where}: {target} is not a header"
    elif not (tree.root / "src" / target).is_file():
        yield f"{where}: there is no src/{target} (includes are written from src/)"
    elif other == room:
        return
    elif other not in FLOORS:
        yield f"{where}: {other} is not a room"
    elif FLOORS[other] >= FLOORS[room]:
        yield f"{where}: {room} (floor {FLOORS[room]}) must not know {other} (floor {FLOORS[other]})"
    elif other not in EVERY_HEADER_IS_A_DOOR and target != f"{other}/{other}.h":
        yield f"{where}: the door of {other} is {other}/{other}.h, not {target}"
    elif target == "base/log.h" and FLOORS[room] < 4:
        yield f"{where}: floors 0 to 3 do not log"


def tool_violations(tree, source, line, target):
    where = f"{source.name}:{line}"
    own, other = source.path.relative_to(tree.root / "tools").parts[0], target.split("/")[0]
    if not target.endswith(".h"):
        yield f"{where}: {target} is not a header"
    elif other == own and (tree.root / "tools" / target).is_file():
        return
    elif other not in SEEN_BY_TOOLS or not (tree.root / "src" / target).is_file():
        yield f"{where}: tools must not know {target}"
    elif other not in EVERY_HEADER_IS_A_DOOR and target != f"{other}/{other}.h":
        yield f"{where}: the door of {other} is {other}/{other}.h, not {target}"
    elif target == "base/log.h":
        yield f"{where}: tools do not log"


def include_violations(tree):
    found = []
    for source in tree.sources("src"):
        parts = source.path.relative_to(tree.root / "src").parts
        room = parts[0]
        if len(parts) < 2 or room not in FLOORS:
            found.append(f"{source.name}:1: not in a room")
            continue
        for line, quoted, target in source.includes():
            found += library_violations(source, room, line, target)
            if quoted:
                found += room_violations(tree, source, room, line, target)
            elif (tree.root / "src" / target).is_file():
                found.append(f"{source.name}:{line}: <{target}> is ours: write it in quotes")
    for source in tree.sources("tools"):
        for line, quoted, target in source.includes():
            found += library_violations(source, "tools", line, target)
            if quoted:
                found += tool_violations(tree, source, line, target)
    return found


def test_include_law():
    found = include_violations(Tree())
    assert not found, report(found)


HOUSE = {f"src/{room}/{room}.h": "" for room in FLOORS} | {
    "src/base/str.h": "", "src/base/log.h": "", "src/net/addr.h": "", "src/registry/store.h": "", "src/wire/name.h": "",
    "src/view/rcu.h": "#include <urcu/urcu-qsbr.h>\n", "src/dns/udp.h": "", "tools/cli/args.h": "", "tools/other/x.h": "",
}


@pytest.mark.parametrize("path,include", [
    ("src/dns/udp.c", '"dns/udp.h"'),
    ("src/dns/udp.c", '"view/view.h"'),
    ("src/dns/udp.c", '"base/log.h"'),
    ("src/dns/udp.c", '"net/addr.h"'),
    ("src/dns/udp.c", "<event2/event.h>"),
    ("src/registry/store.c", "<sqlite3.h>"),
    ("src/view/zonefile.c", "<ldns/ldns.h>"),
    ("src/main/main.c", '"dns/dns.h"'),
    ("src/wire/name.c", "<string.h>"),
    ("tools/cli/main.c", "<ldns/ldns.h>"),
    ("src/sidecar/dns_text.c", "<ldns/ldns.h>"),
    ("src/relay/resolver.c", "<unbound-event.h>"),
    ("tools/cli/main.c", "<curl/curl.h>"),
    ("tools/cli/main.c", "<jansson.h>"),
    ("tools/cli/main.c", '"cli/args.h"'),
    ("tools/cli/main.c", '"base/str.h"'),
    ("tools/cli/main.c", '"wire/wire.h"'),
])
def test_allowed(made_up, path, include):
    assert include_violations(made_up(HOUSE | {path: f"#include {include}\n"})) == []


@pytest.mark.parametrize("path,include,said", [
    ("src/wire/name.c", '"registry/registry.h"', "floor 2"),
    ("src/wire/name.c", '"net/addr.h"', "floor 1"),
    ("src/dns/udp.c", '"sidecar/sidecar.h"', "must not know sidecar"),
    ("src/base/str.c", '"wire/wire.h"', "must not know wire"),
    ("src/dns/udp.c", '"registry/store.h"', "the door of registry"),
    ("src/dns/udp.c", '"view/rcu.h"', "the door of view"),
    ("src/main/main.c", '"dns/udp.h"', "the door of dns"),
    ("src/dns/udp.c", '"udp.h"', "written from src/"),
    ("src/dns/udp.c", '"../view/view.h"', "written from src/"),
    ("src/dns/udp.c", '"dns/other.c"', "is not a header"),
    ("src/dns/udp.c", "<view/view.h>", "in quotes"),
    ("src/sidecar/api.c", "<sqlite3.h>", "for registry only"),
    ("src/dns/udp.c", "<urcu/rculfhash.h>", "for view only"),
    ("src/dns/udp.c", "<urcu.h>", "for view only"),
    ("src/wire/name.c", "<ldns/ldns.h>", "for tools, view only"),
    ("src/sidecar/dns_client.c", "<ldns/ldns.h>", "for tools, view only"),
    ("src/health/probe.c", "<curl/curl.h>", "for http, tools only"),
    ("src/relay/relay.c", "<unbound.h>", "only"),
    ("src/dns/udp.c", "<unbound-event.h>", "only"),
    ("src/dns/udp.c", '"relay/relay.h"', "must not know relay"),
    ("src/view/view.c", "<event2/event.h>", "only"),
    ("src/wire/name.c", "<stdlib.h>", "only computes"),
    ("src/wire/name.c", "<sys/socket.h>", "only computes"),
    ("src/view/view.c", '"base/log.h"', "do not log"),
    ("src/cellar/x.c", "<string.h>", "not in a room"),
    ("src/x.c", "<string.h>", "not in a room"),
    ("tools/cli/main.c", "<sqlite3.h>", "for registry only"),
    ("tools/cli/main.c", '"registry/registry.h"', "must not know registry"),
    ("tools/cli/main.c", '"view/view.h"', "must not know view"),
    ("tools/cli/main.c", '"other/x.h"', "must not know other"),
    ("tools/cli/main.c", '"args.h"', "must not know args.h"),
    ("tools/cli/main.c", '"wire/name.h"', "the door of wire"),
    ("tools/cli/main.c", '"base/log.h"', "do not log"),
])
def test_caught(made_up, path, include, said):
    found = include_violations(made_up(HOUSE | {path: f"/* {path} */\n  #  include  {include}\n"}))
    assert len(found) == 1 and said in found[0] and found[0].startswith(path)
