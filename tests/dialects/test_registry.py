"""`chatsdk.dialects`: each dialect is an attribute, a name for `get`, and an export."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from chatsdk import dialects


@pytest.fixture(autouse=True)
def _every_module_loaded():
    """Import every module of chatsdk.dialects, which sets it as an attribute of its package."""
    for module in pkgutil.walk_packages(dialects.__path__, "chatsdk.dialects."):
        importlib.import_module(module.name)


@pytest.mark.parametrize("name", dialects.names())
def test_a_dialect_is_an_attribute_after_its_module_was_loaded(name):
    """A module with the name of a dialect does not hide the dialect's class."""
    assert isinstance(getattr(dialects, name), type)
    assert type(dialects.get(name)) is getattr(dialects, name)
    assert getattr(dialects, name).about.name == name


def test_every_dialect_is_exported():
    """`__all__` has each dialect of the registry."""
    assert set(dialects.names()) <= set(dialects.__all__)
