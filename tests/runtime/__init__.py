"""Tests of how parts of the rendered runtime do their work, too fine for the repositories that are built on it.

A module is copied into a rendered repository that has all that it imports, and runs there beside the repository's own
tests, with their fixtures: `tests.smoke.check_parts`. What a control claims is tested by the rendered tests themselves.
"""
