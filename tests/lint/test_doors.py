"""Headers are contracts: each opens with its story, and each prototype says what it promises.

1. The first line of src/<room>/<name>.h, and of a header in tools, is "/* <name>.h -- what it is".
2. #pragma once follows; nothing else guards a header.
3. Directly above each prototype, and each inline function, stands a comment.
"""

from lint_tree import Tree, report


def headers(tree):
    return [source for source in tree.sources("src", "tools") if source.path.suffix == ".h"]


def story_violations(tree):
    found = []
    for source in headers(tree):
        opening = f"/* {source.path.name} -- "
        if not source.text.startswith(opening):
            found.append(f"{source.name}:1: does not open with '{opening}'")
        if source.lines.count("#pragma once") != 1:
            found.append(f"{source.name}:1: wants one #pragma once")
    return found


def prototype_violations(tree):
    return [f"{source.name}:{line}: {name} has no comment directly above it"
            for source in headers(tree) for line, name in source.prototypes()
            if line < 2 or not source.lines[line - 2].rstrip().endswith("*/")]


def test_stories():
    found = story_violations(Tree())
    assert not found, report(found)


def test_prototypes():
    found = prototype_violations(Tree())
    assert not found, report(found)


def test_missing_story_is_caught(made_up):
    tree = made_up({
        "src/base/good.h": "/* good.h -- a story. */\n#pragma once\n",
        "src/base/other.h": "/* good.h -- another's story. */\n#pragma once\n",
        "src/base/none.h": "#pragma once\n",
        "src/base/guard.h": "/* guard.h -- x */\n#ifndef GUARD_H\n#endif\n",
        "tools/cli/none.h": "#pragma once\n",
    })
    assert sorted(line.split(":")[0] for line in story_violations(tree)) == [
        "src/base/guard.h", "src/base/none.h", "src/base/other.h", "tools/cli/none.h"]


HEADER = """/* x.h -- the story. */
#pragma once

#include <stddef.h>

#define CALL(x) \\
	call(x)

/* A struct with a callback is no prototype. */
struct x {
	int (*callback)(void *ctx); /* not this */
};
typedef int (*handler)(int);
_Static_assert(sizeof(int) == 4, "int");
extern const char *const names[3];
enum { X_SIZE = sizeof(struct x) };

/* Said. */
int said(int (*done)(void *ctx),
	void *ctx) __attribute__((format(printf, 1, 2)));

/* Said twice; neither the blank line nor the second prototype is covered. */

int not_directly(void);
int not_at_all(void) __attribute__((sentinel));
__attribute__((noreturn)) void not_said(void);
static inline int not_inline(void)
{
	return said(NULL, NULL);
}

/* Said, over
 * two lines. */
static inline int said_inline(void)
{
	if (1) {
		return 1;
	}
	return 0;
}
"""


def test_missing_contract_is_caught(made_up):
    found = prototype_violations(made_up({"src/base/x.h": HEADER, "src/base/x.c": "int private(void);\n"}))
    assert [line.split()[1] for line in found] == ["not_directly", "not_at_all", "not_said", "not_inline"]
    assert found[0].startswith("src/base/x.h:24:")
