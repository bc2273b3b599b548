"""doc/forward-zones.md shows the recipes as they are."""

import pytest

import resolvers
import snippets

ADDRESSES = {"compose.yaml": "172.17.0.1"}  # where the page has another than 127.0.0.1
NAME = "doc/forward-zones.md"
PAGE = snippets.read(NAME)
BY_CONTAINERS = {"compose.yaml"}  # test_containers.py


def test_shown():
    recipes = [resolvers.recipe(path.name, ADDRESSES.get(path.name, "127.0.0.1")) for path in resolvers.RECIPES.iterdir()]
    assert sorted(snippet.text for snippet in snippets.of(NAME)) == sorted(recipes)


def test_each_is_run():
    run = {name for resolver in resolvers.ALL for name in resolver.files()}
    assert run | BY_CONTAINERS == {path.name for path in resolvers.RECIPES.iterdir()}


@pytest.mark.parametrize("resolver", resolvers.ALL, ids=lambda resolver: resolver.name)
def test_places(resolver):
    for place in resolver.recipes.values():
        assert f"/etc/{place}`" in PAGE
