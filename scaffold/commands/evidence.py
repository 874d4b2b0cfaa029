"""`mcp-scaffold evidence`: what is known of each control, for a person who has to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scaffold.console import PROGRESS, conclude
from scaffold.errors import ExitStatus, RefusedError
from scaffold.evidence.assessment import Assessment, assess
from scaffold.evidence.documents import write_documents
from scaffold.evidence.results import read_results
from scaffold.evidence.running import make_results
from scaffold.evidence.tests import read_tests
from scaffold.evidence.verdicts import Status
from scaffold.evidence.verification import verify_statement
from scaffold.evidence.writing import deliver, folder_beside
from scaffold.rendered.repository import RenderedRepository
from scaffold.workspace import signals_interrupt

OUTPUT = "evidence"


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        output: Where the files go, `evidence/` of the repository by default.
        results: The folder of results that exist; None makes them.
        strict: Whether a control that is not verified decides the exit status, too.
    """

    path: Path
    output: Path | None
    results: Path | None
    strict: bool
    json: bool


def evidence(request: Request) -> ExitStatus:
    """Judge a repository's controls by results, and write the evidence.

    Returns:
        The exit status: 0, or 4 when a control failed, with `strict` also when one is not verified.

    Raises:
        NotRendered: The path holds no rendered repository.
        RefusedError: The results or the output cannot be used, or an unknown framework is named.
        UnavailableError: What makes the results is missing.
    """
    repository = RenderedRepository(request.path.resolve())
    _ = repository.recorded, repository.controls
    output = (request.output or repository.path / OUTPUT).resolve()
    if output == repository.path or output in repository.path.parents:
        raise RefusedError(f"{output} holds the repository itself: name another folder with -o.")
    if output.exists() and not output.is_dir():
        raise RefusedError(f"{output} is a file: name a folder with -o.")
    # Outside the tree, whose state is recorded.
    with signals_interrupt(), TemporaryDirectory(prefix="mcp-scaffold-evidence-") as made:
        results_folder = request.results or make_results(repository, Path(made), PROGRESS)
        tests = read_tests(repository.path)
        assessment = assess(repository, read_results(results_folder, tests), tests, output=output)
        documents = write_documents(assessment)
        with folder_beside(output) as folder:
            files = deliver(documents, folder, output)
    document = assessment.to_json() | {"files": [str(file) for file in files]}
    conclude(document, _words(assessment, output), assessment.notices, json=request.json)
    counting = (Status.FAILED, Status.NOT_VERIFIED) if request.strict else (Status.FAILED,)
    return ExitStatus.UNPROVEN if any(assessment.ids(status) for status in counting) else ExitStatus.DONE


def verify(statement: Path, path: Path, *, json: bool) -> ExitStatus:
    """Compare a statement with the repository that it is about.

    Returns:
        The exit status: 0, or 4 when it cannot be relied upon.

    Raises:
        NotRendered: The path holds no rendered repository.
        RefusedError: The file cannot be read, or holds no statement.
    """
    repository = RenderedRepository(path.resolve())
    _ = repository.recorded
    result = verify_statement(statement, repository)
    names = ", ".join(result.subjects)
    done = f"{statement} is of the commit {result.commit}, and fits {names}."
    conclude(result.to_json(), "\n".join(result.problems) or done, result.notices, json=json)
    return ExitStatus.UNPROVEN if result.problems else ExitStatus.DONE


def _words(assessment: Assessment, output: Path) -> str:
    """What is not verified, what failed, and the totals."""
    lines = [
        f"{verdict.status:12}  {verdict.control.id}  {'; '.join(verdict.reasons)}"
        for verdict in sorted(assessment.verdicts, key=lambda verdict: list(Status).index(verdict.status))
        if verdict.status is not Status.VERIFIED
    ]
    counts = ", ".join(f"{count} {status}" for status, count in assessment.counts.items())
    at = assessment.commit[:12] or "no commit"
    return "\n".join(
        [*lines, f"{len(assessment.verdicts)} controls at {at}: {counts}.", f"The evidence is in {output}."]
    )
