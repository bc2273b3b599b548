"""Fixtures of the lint: a made-up tree, to show that a rule catches what it forbids."""

import pytest

from lint_tree import Tree


@pytest.fixture
def made_up(tmp_path):
    """made_up({path: text}) writes the files and returns the Tree of them."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Tree(tmp_path)

    return make
