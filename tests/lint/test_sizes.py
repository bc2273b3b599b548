"""Sizes that a reader can hold: files up to 500 lines, whatever they are written in, and functions in C up to 60.

Counted from { to }. No function is above 100 lines, and at most 2 functions in 100 are above 60.
"""

from lint_tree import Tree, report

FILE_LINES = 500
FUNCTION_LINES = 60
FUNCTION_LINES_HARD = 100
LONG_FUNCTIONS_IN_100 = 2
FOLDERS = ("src", "tools", "tests")


def file_violations(tree):
    return [f"{source.name}:{len(source.lines)}: {len(source.lines)} lines, and {FILE_LINES} is the limit"
            for source in tree.sources(*FOLDERS, suffixes=(".c", ".h", ".py", ".js", ".css", ".html"))
            if len(source.lines) > FILE_LINES]


def function_violations(tree):
    found, long, count = [], [], 0
    for source in tree.sources(*FOLDERS):
        for line, name, length in source.functions():
            count += 1
            said = f"{source.name}:{line}: {name} has {length} lines"
            if length > FUNCTION_LINES_HARD:
                found.append(f"{said}, and {FUNCTION_LINES_HARD} is the limit")
            elif length > FUNCTION_LINES:
                long.append(f"{said}, and {FUNCTION_LINES} is the rule")
    if len(long) * 100 > count * LONG_FUNCTIONS_IN_100:
        found += long
    return found


def test_files():
    found = file_violations(Tree())
    assert not found, report(found)


def test_functions():
    found = function_violations(Tree())
    assert not found, report(found)


def function(name, lines):
    return f"int {name}(void)\n{{\n" + "\treturn 0; /* } */\n" * (lines - 2) + "}\n\n"


def test_long_file_is_caught(made_up):
    tree = made_up({"src/base/a.c": "\n" * 500, "src/base/b.c": "\n" * 501, "tests/unit/test_c.py": "\n" * 501})
    assert [line.split(":")[0] for line in file_violations(tree)] == ["src/base/b.c", "tests/unit/test_c.py"]


def test_long_function_is_caught(made_up):
    table = "static const int table[] = {\n" + "\t1,\n" * 200 + "};\n\nstruct s {\n" + "\tint x;\n" * 200 + "};\n"
    text = table + function("just_right", 60) + function("too_long", 101)
    found = function_violations(made_up({"src/base/a.c": text}))
    assert len(found) == 1 and "too_long has 101 lines" in found[0]


def test_a_few_may_be_longer(made_up):
    short = "".join(function(f"f{i}", 5) for i in range(98))
    two = function("one", 61) + function("two", 100)
    assert function_violations(made_up({"src/base/a.c": short + two})) == []
    assert len(function_violations(made_up({"src/base/b.c": function("three", 61)}))) == 3


def test_a_signature_over_two_lines_is_read(made_up):
    text = "static int\nspread(int a,\n\tint b)\n{\n" + "\ta++;\n" * 150 + "}\n"
    found = function_violations(made_up({"src/base/a.c": text}))
    assert len(found) == 1 and "spread" in found[0]
