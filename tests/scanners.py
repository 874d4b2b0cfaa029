"""The scanners of what is rendered: their commands, what each reads, and a fault that each must see."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.deployments import ANSWERS, DEPLOYMENT, run_tool

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


def scan(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    tool, *arguments = command.split()
    expanded = [match for word in arguments for match in _matches(word, folder)]
    return run_tool(tool, *expanded, folder=folder)


def _matches(word: str, folder: Path) -> list[str]:
    """Expand a word with a star as a shell would."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(word)) if "*" in word else [word]
