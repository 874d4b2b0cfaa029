"""A person with a browser: follows redirects, keeps cookies, fills in forms, and agrees."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urljoin

import httpx2

MOST_STEPS = 20
SECONDS_BEFORE_ANOTHER_TRY = 4
"""A form that comes again may want the next one-time password: the last one is spent."""


@dataclass
class Form:
    """The first form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """Knows what to write into which field."""

    knows: Callable[[str], str | None]

    def authorize(self, url: str, callback: str) -> str:
        """Go where a client sends its user; returns where the authorization server sends the browser back to."""
        # A browser sends Secure cookies over http too, where the host is loopback.
        cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        with httpx2.Client(cookies=cookies, follow_redirects=False, timeout=30) as browser:
            response = browser.get(url)
            answered: dict[str, str] = {}
            for _ in range(MOST_STEPS):
                if response.is_redirect:
                    target = urljoin(str(response.url), response.headers["location"])
                    if target.startswith(callback):
                        assert "code=" in target, target
                        return target
                    response = browser.get(target)
                    continue
                form = find_form(response.text)
                assert form is not None, f"{response.status_code} {response.url} has no form: {response.text[:2000]}"
                if form.fields.keys() == answered.keys():
                    time.sleep(SECONDS_BEFORE_ANOTHER_TRY)
                answered = {name: self.knows(name) or value for name, value in form.fields.items()}
                response = browser.post(urljoin(str(response.url), form.action), data=answered)
        raise AssertionError(f"{response.url} leads nowhere: {response.text[:2000]}")


def find_form(page: str) -> Form | None:
    """The page's first form, with the values that its fields already have."""
    reader = _FormReader()
    reader.feed(page)
    return reader.form


class _FormReader(HTMLParser):
    """Reads the first form and the first of its buttons, which is the one that agrees."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self._inside = False
        self._pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form, self._inside = Form(given.get("action", "")), True
        elif self._inside and self.form is not None and self._is_sent(tag, given):
            self.form.fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"

    def _is_sent(self, tag: str, given: Mapping[str, str]) -> bool:
        kind = given.get("type", "submit" if tag == "button" else "text")
        if tag not in {"input", "button"} or "name" not in given or kind in {"checkbox", "button"}:
            return False
        if kind != "submit":
            return True
        first, self._pressed = not self._pressed, True
        return first
