"""What pytest keeps between runs, if it does: `-p no:cacheprovider` turns that off."""

from __future__ import annotations

import pytest


def find_cache(config: pytest.Config) -> pytest.Cache | None:
    """The cache, or None where pytest runs without one."""
    return getattr(config, "cache", None)


def cache_of(config: pytest.Config) -> pytest.Cache:
    """The cache; without one the test is skipped and says so."""
    cache = find_cache(config)
    if cache is None:
        pytest.skip("what this needs is kept in pytest's cache, which is turned off")
    return cache
