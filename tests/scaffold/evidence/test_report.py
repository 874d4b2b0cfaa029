"""`report.html`: one file that people read, with or without script, on a phone and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.scaffold.evidence.conftest import Case
from tests.support import evidence as small

Browser = Callable[..., str]
EDGE = "<script>parent.postMessage(document.documentElement.scrollWidth + ' of ' + innerWidth, '*');</script>"
# A window has a least width, which is wider than a phone; a frame has none.
FRAME = """<body><script>onmessage = event => document.body.dataset.edge = event.data;</script>
<iframe src="edge.html" style="width: {width}px; height: 900px; border: 0"></iframe>"""
SEARCH = """<script>
form.search.value = "cc7.2"; form.dispatchEvent(new Event("input"));
document.body.dataset.shown = rows.filter(row => !row.hidden).map(row => row.id || row.cells[0].textContent).join();
</script>"""


@pytest.fixture
def report(case: Case) -> Path:
    small.write_junit(case.results, case.head, small.with_outcome("test_case[1]", "failed"))
    case.run()
    return case.written / "report.html"


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Chromium without a window; it prints the document after its scripts ran."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or pytest.skip("chromium is not installed")

    def run(*options: str) -> str:
        own = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}")
        done = subprocess.run([program, *own, *options], capture_output=True, text=True, check=True, timeout=120)
        return done.stdout

    return run


class Parts(HTMLParser):
    """The ids, the links and the addresses of what a page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "data", "action"):
                self.fetched.append(value or "")


def test_it_says_what_was_found_of_each_control_and_clause(report: Path, case: Case) -> None:
    text = report.read_text()

    assert case.head in text
    for control in small.CONTROLS:
        assert f'id="{control["id"]}"' in text
    for clause in small.CLAUSES:
        assert clause["clause"] in text
        assert clause["note"] in text
    assert "test_case: failed: assert 1 == 2" in text
    assert text.count("What this shows, and what it cannot") == 1


def test_it_fetches_nothing_and_its_links_lead_somewhere(report: Path) -> None:
    text = report.read_text()
    parts = Parts(text)

    assert parts.fetched == []
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(", text)
    assert {link[1:] for link in parts.links if link.startswith("#")} <= set(parts.ids)
    assert len(parts.ids) == len(set(parts.ids))


def test_what_a_repository_says_of_itself_is_text(report: Path) -> None:
    assert "<h1>Small &lt;b&gt;</h1>" in report.read_text()


def test_uncommitted_changes_stand_beside_the_commit(case: Case) -> None:
    small.write_junit(case.results, case.head, uncommitted=True)
    case.run()

    assert "and uncommitted changes" in (case.written / "report.html").read_text()


@pytest.mark.evidence
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_lies_beyond_the_edge_of_a_screen(report: Path, browser: Browser, width: int) -> None:
    report.with_name("edge.html").write_text(report.read_text().replace("</body>", f"{EDGE}</body>"))
    frame = report.with_name("frame.html")
    frame.write_text(FRAME.format(width=width))

    within = browser("--virtual-time-budget=5000", "--dump-dom", frame.as_uri())

    found = re.search(r'data-edge="(\d+) of (\d+)"', within)
    assert found
    assert int(found[2]) == width
    assert int(found[1]) <= width, found[0]


@pytest.mark.evidence
def test_its_search_leaves_what_has_all_words(report: Path, browser: Browser) -> None:
    page = report.with_name("search.html")
    page.write_text(report.read_text().replace("</body>", f"{SEARCH}</body>"))

    shown = re.search(r'data-shown="([^"]*)"', browser("--dump-dom", page.as_uri()))

    assert shown
    assert shown[1].split(",") == ["CC7.2", "LIM-02", "AUTH-01"]


@pytest.mark.evidence
def test_it_is_printed_with_all_of_its_evidence(report: Path, browser: Browser) -> None:
    pdf = report.with_name("report.pdf")
    browser("--no-pdf-header-footer", f"--print-to-pdf={pdf}", report.as_uri())

    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) >= 2
