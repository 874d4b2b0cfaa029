"""How work says that it goes on, without knowing whether anybody listens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from scaffold.errors import UnavailableError


class Progress:
    """Says nothing; a console overrides `step` and `part`."""

    def step(self, words: str) -> AbstractContextManager[None]:
        """Say that a step goes on, while the block runs."""
        del words
        return nullcontext()

    def part(self, words: str) -> None:
        """Say which part of a long step goes on."""

    def attempt(self, words: str, work: Callable[[], None], warnings: list[str]) -> bool:
        """Do a step that may lack a tool or the network, in which case the reason joins the warnings.

        Returns:
            Whether the step was done.
        """
        try:
            with self.step(words):
                work()
        except UnavailableError as error:
            warnings.append(f"{words} was left out. {error}")
            return False
        return True
