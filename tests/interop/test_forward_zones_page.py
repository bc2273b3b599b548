"""doc/forward-zones.md shows the recipes as they are."""

import re

import pytest

import resolvers
import svc

ADDRESSES = {"compose.yaml": "172.17.0.1"}  # where the page has another than 127.0.0.1
PAGE = (svc.ROOT / "doc/forward-zones.md").read_text()


def test_shown():
    recipes = [resolvers.recipe(path.name, ADDRESSES.get(path.name, "127.0.0.1")) for path in resolvers.RECIPES.iterdir()]
    assert sorted(re.findall(r"^```\n(.*?)^```$", PAGE, re.M | re.S)) == sorted(recipes)


@pytest.mark.parametrize("resolver", resolvers.ALL, ids=lambda resolver: resolver.name)
def test_places(resolver):
    for place in resolver.recipes.values():
        assert f"/etc/{place}`" in PAGE
