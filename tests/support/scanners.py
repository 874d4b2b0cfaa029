"""The scanners of what is rendered: their commands, what each reads, and a fault that each must see."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.deployments import ANSWERS, DEPLOYMENT, run_tool

GITHUB = [name for name, answers in ANSWERS.items() if answers["ci"] == "github"]
GITLAB = [name for name, answers in ANSWERS.items() if answers["ci"] == "gitlab"]
COMPOSE = ["compose-redis", "compose-open"]
KUBERNETES = ["kubernetes-redis", "kubernetes-istio", "kubernetes-memory"]


@dataclass(frozen=True)
class Scan:
    """A scanner's command, the repositories it applies to, and a fault that it must see."""

    command: str
    repositories: list[str]
    fault: tuple[str, str, str]

    def applies_to(self, folder: Path) -> bool:
        """Whether the repository holds what the scanner reads."""
        return (folder / self.fault[0]).is_file()


SCANS = {
    "hadolint": Scan("hadolint Dockerfile", [*ANSWERS], ("Dockerfile", "USER 10001:10001", "USER root")),
    "trivy, image": Scan(
        "trivy config --skip-check-update -q --exit-code 3 .",
        [*ANSWERS],
        ("Dockerfile", "USER 10001:10001", "USER root"),
    ),
    "trivy, manifests": Scan(
        "trivy config --skip-check-update -q --exit-code 3 .",
        KUBERNETES,
        (DEPLOYMENT, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ),
    "checkov": Scan(
        "checkov -d . --quiet --compact --skip-download"
        " --framework dockerfile kubernetes kustomize github_actions gitlab_ci secrets",
        KUBERNETES,
        ("Dockerfile", "USER 10001:10001", "USER root"),
    ),
    "zizmor": Scan(
        "zizmor --offline --pedantic .github/workflows",
        GITHUB,
        (".github/workflows/ci.yml", "permissions: {}", "permissions: write-all"),
    ),
    "actionlint": Scan(
        "actionlint .github/workflows/*.yml",
        GITHUB,
        (".github/workflows/ci.yml", "matrix.python }}", "matrix.pyhton }}"),
    ),
    "schema of workflows": Scan(
        "check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml",
        GITHUB,
        (".github/workflows/ci.yml", "runs-on:", "run-on:"),
    ),
    "schema of pipelines": Scan(
        "check-jsonschema --builtin-schema vendor.gitlab-ci .gitlab-ci.yml",
        GITLAB,
        (".gitlab-ci.yml", "parallel:", "parallel: many\n  other:"),
    ),
    "schema of renovate": Scan(
        "check-jsonschema --builtin-schema vendor.renovate renovate.json",
        ["stdio", "stdio-gitlab"],
        ("renovate.json", '"strict"', '"loose"'),
    ),
    "schema of compose": Scan(
        "check-jsonschema --builtin-schema vendor.compose-spec compose.yaml",
        COMPOSE,
        ("compose.yaml", "read_only: true", "read_only: [often]"),
    ),
    "compose": Scan("docker-compose config -q", COMPOSE, ("compose.yaml", "cap_drop:", "cap_dorp:")),
    "gitleaks": Scan(
        "gitleaks dir .",
        [*ANSWERS],
        ("policy.yaml", "\n", "\n# token: ghp_" + "x7Kq2mZp9LwR4tYv8NbC1dEf6GhJ3sUa0iQo" + "\n"),
    ),
}


@dataclass(frozen=True)
class Suppressions:
    """The file that says what a scanner shall not report, and what the scanner reports where there is no such file."""

    file: str
    identifier: str
    report: str
    read: Callable[[Any], Iterator[tuple[str, str]]]
    """The path and the identifier of each finding of a report."""

    def identifiers(self, repository: Path) -> set[str]:
        """What is suppressed."""
        return {identifier for line in self._lines(repository) for identifier in re.findall(self.identifier, line)}

    def unexplained(self, repository: Path) -> list[str]:
        """Suppressions with a reason neither beside nor above them."""
        found, told = [], False
        for line in self._lines(repository)[1:]:
            if re.match(self.identifier, line):
                found += [] if told or "#" in line else [line]
            else:
                told = line.lstrip().startswith("#")
        return found

    def found(self, folder: Path) -> Iterator[tuple[str, str]]:
        """The path and the identifier of whatever would be reported."""
        return self.read(json.loads(scan(self.report, folder).stdout))

    def _lines(self, repository: Path) -> list[str]:
        file = repository / self.file
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _found_by_trivy(report: Any) -> Iterator[tuple[str, str]]:
    for result in report["Results"]:
        for problem in result.get("Misconfigurations", []):
            yield result["Target"], problem["ID"]


def _found_by_checkov(report: Any) -> Iterator[tuple[str, str]]:
    for framework in report if isinstance(report, list) else [report]:
        for problem in framework["results"]["failed_checks"]:
            yield problem["file_path"], problem["check_id"]


SUPPRESSIONS = {
    "trivy": Suppressions(
        ".trivyignore",
        r"^[A-Z]+-\d+",
        "trivy config --skip-check-update -q --format json .",
        _found_by_trivy,
    ),
    "checkov": Suppressions(
        ".checkov.yaml",
        r"^  - (\w+)",
        "checkov -d . --quiet --compact --skip-download --framework github_actions kubernetes terraform --output json",
        _found_by_checkov,
    ),
}


def scan(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    tool, *arguments = command.split()
    expanded = [match for word in arguments for match in _matches(word, folder)]
    return run_tool(tool, *expanded, folder=folder)


def _matches(word: str, folder: Path) -> list[str]:
    """Expand a word with a star as a shell would."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(word)) if "*" in word else [word]
