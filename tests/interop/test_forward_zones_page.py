"""doc/forward-zones.md shows the recipes as they are."""

import re

import pytest

import resolvers
import svc

PAGE = (svc.ROOT / "doc/forward-zones.md").read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in resolvers.RECIPES.iterdir()))
def test_shown(name):
    assert resolvers.recipe(name) in re.findall(r"^```\n(.*?)^```$", PAGE, re.M | re.S)


def test_nothing_else_is_shown():
    recipes = [resolvers.recipe(path.name) for path in resolvers.RECIPES.iterdir()]
    assert sorted(re.findall(r"^```\n(.*?)^```$", PAGE, re.M | re.S)) == sorted(recipes)


@pytest.mark.parametrize("resolver", resolvers.ALL, ids=lambda resolver: resolver.name)
def test_places(resolver):
    for place in resolver.recipes.values():
        assert f"/etc/{place}`" in PAGE
