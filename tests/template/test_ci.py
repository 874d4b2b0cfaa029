"""What a rendered CI does: its rules, and its commands run for real against programs that stand in for a platform."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import uv
from ruamel.yaml import YAML

from scaffold.template.rendering import Renderer
from scaffold.template.source import TemplateSource
from tests.support.deployments import HTTP, TEXTS, build_overlay, build_overlays, parse_documents, render_answers
from tests.support.living import git
from tests.support.rows import TARGETS
from tests.support.scanners import scan
from tests.support.template import CHECKOUT

REGIONS = {name: row["regions"]["example"] for name, row in TARGETS.items() if row["ci"]}
REPOSITORY = {"github": "https://github.com/team/bob.server", "gitlab": "https://gitlab.com/team/bob.server"}
REGISTRY = "registry.example.com/team/bob-server"
DIGEST = "sha256:" + "1" * 64

# One worker renders them all, once.
pytestmark = pytest.mark.xdist_group("ci")

GRID = [f"{ci}, {target}" for ci in REPOSITORY for target in TARGETS]
GITHUB = [name for name in GRID if name.startswith("github")]
GITLAB = [name for name in GRID if name.startswith("gitlab")]
DEPLOYED = [name for name in GRID if name.split(", ")[1] in REGIONS]

CHECKOUT_SOURCE = TemplateSource("checkout", CHECKOUT, CHECKOUT.as_posix(), "HEAD", CHECKOUT)

Rendered: TypeAlias = Callable[[str], Path]
everywhere = pytest.mark.parametrize("name", GRID)
deployed = pytest.mark.parametrize("name", DEPLOYED)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Each repository, rendered when it is first asked for."""
    folder = tmp_path_factory.mktemp("ci")
    renderer = Renderer(CHECKOUT_SOURCE, folder)

    def find(name: str) -> Path:
        place = folder / name.replace(", ", "-")
        if not place.exists():
            renderer.with_defaults(answers(*name.split(", ")), place)
        return place

    return find


def answers(ci: str, target: str) -> dict[str, Any]:
    """A server over http, in a registry of its own, whose state needs no Redis where one region is all."""
    given = TEXTS | HTTP | {"ci": ci, "repository_url": REPOSITORY[ci], "deployment": target}
    image = {} if target == "none" else {"image_repository": REGISTRY}
    return given | image | ({"regions": REGIONS[target]} if target in REGIONS else {})


@functools.cache
def jobs_of(repository: Path) -> dict[str, Any]:
    """The jobs of every workflow, or of the pipeline, by name."""
    if (repository / ".gitlab-ci.yml").exists():
        [pipeline] = parse_documents((repository / ".gitlab-ci.yml").read_text())
        words = {"include", "variables", "workflow", "stages", "default"}
        return {name: job for name, job in pipeline.items() if name not in words and not name.startswith(".")}
    jobs: dict[str, Any] = {}
    for path in (repository / ".github/workflows").iterdir():
        [workflow] = parse_documents(path.read_text())
        jobs |= workflow["jobs"]
    return jobs


def commands_of(job: dict[str, Any]) -> list[str]:
    """What a job runs, in its order."""
    steps = [step.get("run", "") for step in job.get("steps", [])]
    return [command for command in [*steps, *job.get("script", [])] if command]


def command_with(repository: Path, word: str) -> str:
    """The one command of CI that holds a word."""
    found = [command for job in jobs_of(repository).values() for command in commands_of(job) if word in command]
    return found[0]


def run_shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a runner's shell would run it."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(uv.find_uv_bin()).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def put_program(folder: Path, name: str, script: str) -> Path:
    """A program that stands in for a platform's; it appends its arguments to the file `calls`."""
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nhere={folder}\necho "{name} $*" >> "$here/calls"\n{script}\n')
    program.chmod(0o755)
    return folder / "calls"


# ------------------------------------------------------------------------------------------------------------ scanners

SCHEMA = "check-jsonschema --builtin-schema"
SCANNED = {
    "actionlint": ("actionlint", GITHUB, ".github/workflows/*.yml"),
    "zizmor": ("zizmor --offline --pedantic", GITHUB, ".github/workflows/*.yml"),
    "schema of workflows": (
        "check-jsonschema --builtin-schema vendor.github-workflows",
        GITHUB,
        ".github/workflows/*.yml",
    ),
    "schema of pipelines": ("check-jsonschema --builtin-schema vendor.gitlab-ci", GITLAB, ".gitlab-ci.yml"),
    "schema of renovate": ("check-jsonschema --builtin-schema vendor.renovate", GRID, "renovate.json"),
}


@pytest.mark.parametrize("scanner", SCANNED)
def test_a_scanner_has_nothing_to_say(scanner: str, rendered: Rendered) -> None:
    command, names, pattern = SCANNED[scanner]
    files = [str(file) for name in names for file in rendered(name).glob(pattern)]
    seen = scan(" ".join([command, *files]), rendered(names[0]))
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("name", GITHUB)
def test_every_job_says_what_it_may_and_ends(name: str, rendered: Rendered) -> None:
    for path in (rendered(name) / ".github/workflows").iterdir():
        [workflow] = parse_documents(path.read_text())
        assert workflow["permissions"] == {}
        assert workflow["concurrency"]
        assert all(job["timeout-minutes"] and job["permissions"] for job in workflow["jobs"].values())
        checkouts = [
            step for job in workflow["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")
        ]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


# ------------------------------------------------------------------------------------------------------------ scanning

KINDS = {
    "github": ["scan-type: fs", "image-ref:", "codeql-action/analyze", "dependency-review-action", "upload-sarif"],
    "gitlab": ["trivy filesystem", "trivy image", "Jobs/SAST.", "Jobs/Secret-Detection.", "container_scanning:"],
}


@everywhere
def test_dependencies_secrets_code_and_image_are_scanned(name: str, rendered: Rendered) -> None:
    repository = rendered(name)
    files = [*repository.glob(".github/workflows/ci.yml"), *repository.glob(".gitlab-ci.yml")]
    [text] = [path.read_text() for path in files]
    assert [kind for kind in KINDS[name.split(", ", maxsplit=1)[0]] if kind not in text] == []
    assert "--only-group scan bandit" in text
    assert (".ci/deployment.sh" in text) is (name in DEPLOYED)


@pytest.mark.parametrize("fault, status", [("", 0), ("USER root\n", 1)], ids=["as rendered", "root"])
def test_what_is_severe_is_reported_and_fails(fault: str, status: int, rendered: Rendered, tmp_path: Path) -> None:
    repository = rendered("github, none")
    (tmp_path / "Dockerfile").write_text((repository / "Dockerfile").read_text() + fault)
    scanned = scan("trivy config --skip-check-update -q --format json --output tree.json .", tmp_path)
    assert scanned.returncode == 0, scanned.stderr
    shutil.copy(tmp_path / "tree.json", tmp_path / "image.json")

    done = run_shell(command_with(repository, "trivy convert"), tmp_path)

    reports = [json.loads((tmp_path / f"reports/{name}.sarif").read_text()) for name in ("tree", "image")]
    assert [report["runs"][0]["automationDetails"]["id"] for report in reports] == ["tree/", "image/"]
    assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.parametrize("name", GITLAB)
def test_a_pipeline_that_deploys_does_nothing_else(name: str, rendered: Rendered) -> None:
    [pipeline] = parse_documents((rendered(name) / ".gitlab-ci.yml").read_text())
    assert all(included["rules"] == [{"if": "$IMAGE_DIGEST == null"}] for included in pipeline["include"])
    bases = {base: job["extends"] for base, job in pipeline.items() if base in {".uv", ".docker", ".trivy"}}
    assert set(bases.values()) == {".checks"}
    assert pipeline[".checks"]["rules"] == [{"if": "$IMAGE_DIGEST == null"}]
    for job, body in jobs_of(rendered(name)).items():
        conditions = [rule["if"] for rule in body.get("rules", [])]
        assert (body.get("extends") in {".checks", *bases} and not conditions) or all(
            "$CI_COMMIT_TAG" in condition or job == "deploy" for condition in conditions
        ), job


@pytest.mark.parametrize("name", GRID)
def test_code_is_scanned_whoever_may_see_the_repository(name: str, rendered: Rendered) -> None:
    [job] = [job for job in jobs_of(rendered(name)).values() if "bandit" in str(commands_of(job))]
    assert "if" not in job
    assert not [step for step in job.get("steps", []) if "bandit" in step.get("run", "") and "if" in step]


@pytest.mark.parametrize("name", DEPLOYED)
def test_the_code_that_is_rendered_passes_its_scanner(name: str, rendered: Rendered, tmp_path: Path) -> None:
    command = next(line for job in jobs_of(rendered(name)).values() for line in commands_of(job) if "bandit" in line)
    scanner = command.partition("--only-group scan ")[2]
    (tmp_path / "src").mkdir()
    (tmp_path / "src/weak.py").write_text("import subprocess\nsubprocess.run('ls', shell=True)\neval(input())\n")

    seen, weak = scan(scanner, rendered(name)), scan(scanner, tmp_path)

    assert seen.returncode == 0, seen.stdout
    assert weak.returncode == 1


@pytest.mark.parametrize(
    "private, paid, taken", [("false", "", "true"), ("true", "", "false"), ("true", "true", "true")]
)
def test_reports_go_where_they_are_taken(
    private: str, paid: str, taken: str, rendered: Rendered, tmp_path: Path
) -> None:
    put_program(tmp_path, "gh", f"echo {'false' if private == 'true' else 'true'}")
    job = jobs_of(rendered("github, none"))["code"]
    [ask] = [step for step in job["steps"] if step.get("id") == "reports"]
    place = {"GITHUB_REPOSITORY": "team/bob", "GITHUB_OUTPUT": str(tmp_path / "output"), "PAID": paid}
    assert run_shell(ask["run"], tmp_path, **place).returncode == 0
    assert (tmp_path / "output").read_text() == f"taken={taken}\n"
    assert [step["if"] for step in job["steps"] if "codeql" in step.get("uses", "")] == [
        "steps.reports.outputs.taken == 'true'"
    ] * 2


DOCKER = """
while [ "${1#*@sha256:}" = "$1" ]; do shift; done
echo "$*" >> "$here/ran"
case "$*" in
  *kustomize*) echo "kind: Deployment" ;;
  *"$BROKEN"*) exit 1 ;;
esac
"""


@pytest.mark.parametrize("target", REGIONS)
@pytest.mark.parametrize("ci, report", [("github", "sarif"), ("gitlab", "json")])
def test_what_is_deployed_is_checked_as_it_is_built(ci, report, target, rendered, tmp_path) -> None:
    shutil.copytree(rendered(f"{ci}, {target}"), tmp_path / "repository")
    put_program(tmp_path, "docker", DOCKER)
    enter = f"cd {tmp_path}/repository && sh .ci/deployment.sh reports"

    done = run_shell(enter, tmp_path, BROKEN="nothing")

    ran = (tmp_path / "ran").read_text()
    assert done.returncode == 0, done.stderr
    assert f"--output-file-path console,reports/checkov.{report}" in ran
    for tool in (
        ["kubeconform", "trivy", "checkov"] if target == "kubernetes" else ["fmt -check", "validate", "checkov"]
    ):
        assert tool in ran
        assert run_shell(enter, tmp_path, BROKEN=tool).returncode == 1, tool
    overlays = [path.name for path in (tmp_path / "repository/deploy/kubernetes/overlays").glob("*")]
    assert {path.stem for path in (tmp_path / "repository/built").glob("*")} == {*overlays}


REFERRING: dict[str, Callable[[Any], object]] = {
    "Service": lambda one: one["spec"]["selector"].update({"app.kubernetes.io/name": "else"}),
    "Service, port": lambda one: one["spec"]["ports"][0].update(targetPort="else"),
    "PodDisruptionBudget": lambda one: one["spec"]["selector"]["matchLabels"].update(
        {"app.kubernetes.io/name": "else"}
    ),
    "HorizontalPodAutoscaler": lambda one: one["spec"]["scaleTargetRef"].update(name="else"),
    "Role": lambda one: [rule.update(resourceNames=["else"]) for rule in one["rules"]],
    "RoleBinding": lambda one: one["roleRef"].update(name="else"),
    "HTTPRoute": lambda one: one["spec"]["rules"][0]["backendRefs"][0].update(port=1),
    "HTTPRoute, parent": lambda one: one["spec"]["parentRefs"][0].update(name="else"),
    "PodMonitor": lambda one: one["spec"]["podMetricsEndpoints"][0].update(port="else"),
    "Deployment": lambda one: one["spec"]["template"]["spec"].update(serviceAccountName="else"),
    "Deployment, settings": lambda one: one["spec"]["template"]["spec"]["containers"][0]["envFrom"][0][
        "configMapRef"
    ].update(name="else"),
}
"""What breaks a reference of a built manifest."""


@pytest.fixture(scope="session")
def meshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose overlays hold every kind that refers to something."""
    folder = tmp_path_factory.mktemp("meshed")
    given = answers("github", "kubernetes") | {"gateway_controller": "istio", "service_mesh": "istio"}
    Renderer(CHECKOUT_SOURCE, folder).with_defaults(given, folder / "repository")
    return folder / "repository"


def refer(repository: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """What the rendered check says of built manifests."""
    command = [sys.executable, str(repository / ".ci/references.py"), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_everything_that_an_overlay_refers_to_is_there(meshed: Path, tmp_path: Path) -> None:
    for name, manifests in build_overlays(meshed):
        (tmp_path / f"{name}.yaml").write_text(manifests)
    done = refer(meshed, *tmp_path.iterdir())
    assert (done.returncode, done.stderr) == (0, "")
    commands = commands_of(jobs_of(meshed)["deployment"])
    assert commands.index("uv run --locked python .ci/references.py built/*.yaml") == 1


@pytest.mark.parametrize("wrong", REFERRING)
def test_a_reference_to_what_is_not_there_is_named(wrong: str, meshed: Path, tmp_path: Path) -> None:
    manifests = parse_documents(build_overlay(meshed / "deploy/kubernetes/overlays/production"))
    kind = wrong.partition(",")[0]
    broken = [one for one in manifests if one["kind"] == kind]
    REFERRING[wrong](broken[0])
    with (tmp_path / "built.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump_all(manifests, file)

    done = refer(meshed, tmp_path / "built.yaml")

    assert done.returncode == 1
    assert f"{kind} {broken[0]['metadata']['name']}: there is no " in done.stderr


FLOATING = re.compile(r"\buvx (?!--from \"?git)|\bpip install (?!.*--require-hashes)|\bapt-get install")


@everywhere
def test_what_ci_installs_is_locked_with_hashes(name: str, rendered: Rendered) -> None:
    repository = rendered(name)
    commands = [line for job in jobs_of(repository).values() for line in commands_of(job)]
    assert [line for line in commands if FLOATING.search(line)] == []
    unlocked = [line for line in commands if "uv run --only-group" in line or re.search(r"uv sync(?! --locked)", line)]
    assert unlocked == []
    images = re.findall(r"docker (?:run|create) .*?(\S+/\S+:\S+)", "\n".join(commands))
    assert [image for image in images if "@sha256:" not in image and "$" not in image] == []


def test_gitlab_installs_the_uv_that_all_else_has(rendered: Rendered) -> None:
    locked = (rendered("gitlab, none") / ".gitlab/requirements.txt").read_text()
    image = (rendered("gitlab, none") / "Dockerfile").read_text()
    [version] = re.findall(r"^uv==(\S+)", locked, re.MULTILINE)
    assert f"ghcr.io/astral-sh/uv:{version}@" in image
    assert locked.count("--hash=sha256:") > 1


@pytest.mark.parametrize("name", GITLAB)
def test_what_gitlab_scans_is_scanned_in_merge_requests_too(name: str, rendered: Rendered) -> None:
    [pipeline] = parse_documents((rendered(name) / ".gitlab-ci.yml").read_text())
    assert pipeline["variables"]["AST_ENABLE_MR_PIPELINES"] == "true"


@pytest.mark.parametrize("name", [name for name in GITLAB if not name.endswith("none")])
def test_a_builder_of_images_takes_tls_from_a_context(name: str, rendered: Rendered) -> None:
    commands = commands_of(jobs_of(rendered(name))["sign"])
    [made] = [number for number, line in enumerate(commands) if line.startswith("docker context create")]
    context = commands[made].split()[-1]
    assert commands[made + 1] == f"docker buildx create --use {context}"
    assert commands[made + 2].startswith("docker buildx build --push")
    [pipeline] = parse_documents((rendered(name) / ".gitlab-ci.yml").read_text())
    assert pipeline[".docker"]["variables"]["DOCKER_TLS_VERIFY"] == "1"


# ------------------------------------------------------------------------------------------------------------- release


@everywhere
def test_nothing_is_published_before_all_is_signed(name: str, rendered: Rendered) -> None:
    jobs = jobs_of(rendered(name))
    ci, target = name.split(", ")
    published = [job for job, body in jobs.items() if "release create" in str(body) or "release.py" in str(body)]
    assert published == ["publish"]
    before = jobs["publish"]["needs"] if ci == "gitlab" or target != "none" else [jobs["publish"]["needs"]]
    assert before == (["sign"] if ci == "gitlab" else ["package", "image"] if target != "none" else ["package"])
    assert ("cosign sign --yes" in str(jobs)) is (target != "none")
    assert ("--type cyclonedx" in str(jobs)) is (target != "none")


def release(command: str, folder: Path, version: str, tag: str, changelog: str) -> subprocess.CompletedProcess[str]:
    """The first step of a release of a project with that version."""
    (folder / "pyproject.toml").write_text(f'[project]\nname = "bob-server"\nversion = "{version}"\n')
    if changelog:
        (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}")
    return run_shell(command, folder, GITHUB_REF_NAME=tag, CI_COMMIT_TAG=tag)


@pytest.mark.parametrize("ci", REPOSITORY)
@pytest.mark.parametrize("heading", ["## 0.1.0", "## 0.1.0 - 2026-01-01"])
def test_a_release_tells_what_changed(ci: str, heading: str, rendered: Rendered, tmp_path: Path) -> None:
    command = command_with(rendered(f"{ci}, none"), "notes.md")
    changelog = f"## 0.2.0\n\n- Newer.\n\n{heading}\n\n- The first version.\n\n## 0.0.9\n\n- Older.\n"
    done = release(command, tmp_path, "0.1.0", "v0.1.0", changelog)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes.md").read_text().strip() == "- The first version."


UNFIT = [
    (("0.1.0", "v0.2.0", "## 0.2.0\n\n- Next.\n"), "The tag v0.2.0 is not v0.1.0"),
    (("0.1.0rc1", "v0.1.0rc1", "## 0.1.0rc1\n\n- A try.\n"), "is not semantic"),
    (("0.1.0", "v0.1.0", "## 0.2.0\n\n- Next.\n"), "CHANGELOG.md has no section 0.1.0"),
    (("0.1.0", "v0.1.0", "## 0.1.0\n\n## 0.0.9\n\n- Older.\n"), "CHANGELOG.md has no section 0.1.0"),
    (("0.1.0", "v0.1.0", ""), "CHANGELOG.md has no section 0.1.0"),
]


@pytest.mark.parametrize("ci", REPOSITORY)
@pytest.mark.parametrize("given, refusal", UNFIT)
def test_a_release_without_its_version_or_its_changes_is_refused(
    ci: str, given: tuple[str, str, str], refusal: str, rendered: Rendered, tmp_path: Path
) -> None:
    done = release(command_with(rendered(f"{ci}, none"), "notes.md"), tmp_path, *given)
    assert done.returncode == 1
    assert refusal in done.stderr


@pytest.mark.parametrize("name", GRID)
def test_the_first_version_can_be_released(name: str, rendered: Rendered, tmp_path: Path) -> None:
    repository = rendered(name)
    for file in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(repository / file, tmp_path)
    done = run_shell(command_with(repository, "notes.md"), tmp_path, GITHUB_REF_NAME="v0.1.0", CI_COMMIT_TAG="v0.1.0")
    assert done.returncode == 0, done.stderr


def test_a_release_on_gitlab_has_its_notes(rendered: Rendered, tmp_path: Path) -> None:
    asked: list[tuple[str, str | None, Any]] = []

    class Project(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers["JOB-TOKEN"], body))
            self.send_response(201)
            self.end_headers()

    (tmp_path / "notes.md").write_text("- Änderung\n", "utf-8")
    server = HTTPServer(("127.0.0.1", 0), Project)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    place = {"CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4", "CI_PROJECT_ID": "7"}
    given = place | {"CI_COMMIT_TAG": "v1.2.3", "CI_JOB_TOKEN": "token"}
    done = run_shell(f"{sys.executable} {rendered('gitlab, none') / '.gitlab/release.py'}", tmp_path, **given)
    thread.join(30)
    server.server_close()
    assert done.returncode == 0, done.stderr
    assert asked == [("/api/v4/projects/7/releases", "token", {"tag_name": "v1.2.3", "description": "- Änderung\n"})]


@pytest.mark.parametrize(
    "job, ci", [("image", "github"), ("sign", "gitlab"), ("deploy", "github"), ("deploy", "gitlab")]
)
@pytest.mark.parametrize("missing", ["REGISTRY_USERNAME", "REGISTRY_PASSWORD"])
def test_a_job_begins_with_every_secret_or_names_the_missing_one(
    job: str, ci: str, missing: str, rendered: Rendered, tmp_path: Path
) -> None:
    [first] = [line for line in commands_of(jobs_of(rendered(f"{ci}, aws-ecs"))[job]) if "is missing: set it" in line]
    given = {"REGISTRY_USERNAME": "bob", "REGISTRY_PASSWORD": "secret"}

    assert run_shell(first, tmp_path, **given).returncode == 0
    done = run_shell(first, tmp_path, **(given | {missing: ""}))

    place = "production" if job == "deploy" else "release"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{missing} is missing: set it in the ")
    assert done.stderr.strip().endswith(f"environment {place}.")


# ---------------------------------------------------------------------------------------------------------- deployment


@deployed
def test_a_person_approves_a_deployment(name: str, rendered: Rendered) -> None:
    job = jobs_of(rendered(name))["deploy"]
    assert job["environment"] == "production"
    assert name.startswith("github") or [rule["when"] for rule in job["rules"]] == ["manual"]


@everywhere
def test_only_where_there_is_a_platform_something_deploys(name: str, rendered: Rendered) -> None:
    assert ("deploy" in jobs_of(rendered(name))) is (name in DEPLOYED)
    assert bool([*rendered(name).glob("deploy/**/deploy.sh")]) is (name in DEPLOYED)


@deployed
def test_the_platform_trusts_the_very_job_that_deploys(name: str, rendered: Rendered) -> None:
    repository = rendered(name)
    ci, target = name.split(", ")
    subject = {
        "github": "repo:team/bob.server:environment:production",
        "gitlab": "project_path:team/bob.server:ref_type:branch:ref:main",
    }[ci]
    [trust] = [*repository.glob("deploy/kubernetes/base/ci.yaml"), *repository.glob("deploy/terraform/*/identity.tf")]
    assert subject in trust.read_text()
    job = jobs_of(repository)["deploy"]
    audience = job["id_tokens"]["ID_TOKEN"]["aud"] if ci == "gitlab" else str(job["steps"])
    issuer = "https://gitlab.com" if ci == "gitlab" else ""
    expected = (
        TARGETS[target]["ci"]["audience"][ci]
        .replace("https://{issuer}", issuer)
        .replace("{project_slug}", "bob-server")
    )
    assert expected in audience
    assert "$" in expected or expected in trust.read_text()


@pytest.mark.parametrize(
    "host, issuer",
    [
        ("github.com", "token.actions.githubusercontent.com"),
        ("acme.ghe.com", "token.actions.acme.ghe.com"),
        ("github.acme.dev", "github.acme.dev/_services/token"),
    ],
)
def test_the_cluster_trusts_the_issuer_of_the_repositorys_own_forge(host: str, issuer: str, tmp_path: Path) -> None:
    answers = {"deployment": "kubernetes", "ci": "github", "repository_url": f"https://{host}/team/bob.server"}
    repository = render_answers(TEXTS | HTTP | answers | {"image_repository": REGISTRY}, tmp_path / "repository")
    assert f'url: "https://{issuer}"' in (repository / "deploy/kubernetes/README.md").read_text()


@deployed
def test_what_is_not_signed_is_refused_before_a_token_is_taken(name: str, rendered: Rendered) -> None:
    commands = commands_of(jobs_of(rendered(name))["deploy"])
    [verified] = [number for number, command in enumerate(commands) if "cosign verify" in command]
    tokens = [number for number, command in enumerate(commands) if "ID_TOKEN" in command or "deploy.sh" in command]
    assert verified < min(tokens)


SIGNERS = [
    ("github", "https://github.com/team/bob.server/.github/workflows/release.yml@refs/tags/v1.2.3", True),
    ("github", "https://github.com/team/bobXserver/.github/workflows/release.yml@refs/tags/v1.2.3", False),
    ("github", "https://github.com/team/bob.server/.github/workflows/ci.yml@refs/tags/v1.2.3", False),
    ("github", "https://github.com/team/bob.server/.github/workflows/release.yml@refs/heads/main", False),
    ("github", "https://github.com/team/bob.server/.github/workflows/release.yml@refs/tags/v1.2.4", False),
    ("github", "https://github.com/team/bob.server/.github/workflows/release.yml@refs/tags/v1.2.30", False),
    ("gitlab", "https://gitlab.com/team/bob.server//.gitlab-ci.yml@refs/tags/v1.2.4", False),
    ("gitlab", "https://gitlab.com/team/bob.server//.gitlab-ci.yml@refs/tags/v1.2.3", True),
    ("gitlab", "https://gitlab.com/team/bob.server//.gitlab-ci.yml@refs/heads/main", False),
    ("gitlab", "https://gitlab.com/else/bob.server//.gitlab-ci.yml@refs/tags/v1.2.3", False),
]


@pytest.mark.parametrize("ci, signer, passes", SIGNERS)
def test_only_the_release_of_this_repository_counts_as_signer(ci, signer, passes, rendered, tmp_path) -> None:
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["commit", "--quiet", "--allow-empty", "-m", "1"]):
        git(tmp_path, *arguments)
    git(tmp_path, "tag", "v1.2.3")
    git(tmp_path, "switch", "--quiet", "--create", "aside")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "Nobody reviewed it")
    git(tmp_path, "tag", "v1.2.4")
    git(tmp_path, "switch", "--quiet", "main")
    pattern = 'while [ "$1" != --certificate-identity-regexp ]; do shift || exit; done; echo "$SIGNER" | grep -qE "$2"'
    put_program(tmp_path, "cosign", pattern)
    place = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "team/bob.server",
        "CI_SERVER_URL": "https://gitlab.com",
        "CI_PROJECT_URL": "https://gitlab.com/team/bob.server",
    }
    command = command_with(rendered(f"{ci}, aws-ecs"), "cosign verify")
    done = run_shell(command, tmp_path, SIGNER=signer, IMAGE=f"{REGISTRY}@{DIGEST}", **place)
    assert (done.returncode == 0) == passes, done.stderr


OLD = f"{REGISTRY}@sha256:" + "0" * 64
VARIABLES = {name: [*TARGETS[name]["ci"]["variables"]] for name in REGIONS}


def deploy(repository: Path, target: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The run of `deploy.sh` against a platform of files: each region has one, with what was put into service."""
    [platform] = (CHECKOUT / "tests/targets" / target).glob("*.sh")
    put_program(folder, platform.stem, platform.read_text())
    (folder / "bin/sleep").write_text("#!/bin/sh\n")
    (folder / "bin/sleep").chmod(0o755)
    (folder / "token").write_text("token")
    [script] = repository.glob("deploy/**/deploy.sh")
    given = {name: f"ci@example-project.iam.gserviceaccount.com {name}" for name in VARIABLES[target]}
    given |= {"ID_TOKEN_FILE": str(folder / "token"), "BROKEN": "none", "OLD": OLD}
    return run_shell(f"{script} {DIGEST}", folder, **(given | environment))


@deployed
def test_a_release_is_put_into_service_in_each_region(name: str, rendered: Rendered, tmp_path: Path) -> None:
    target = name.split(", ")[1]
    done = deploy(rendered(name), target, tmp_path)
    assert done.returncode == 0, done.stderr
    for region in REGIONS[target].split(","):
        assert f"@{DIGEST}" in (tmp_path / region).read_text()


@deployed
def test_a_region_that_does_not_take_it_ends_the_deployment(name: str, rendered: Rendered, tmp_path: Path) -> None:
    target = name.split(", ")[1]
    first, *others = REGIONS[target].split(",")
    done = deploy(rendered(name), target, tmp_path, BROKEN=first)
    assert done.returncode == 1
    assert f"{first}: the new" in done.stderr or "ERROR: " in done.stderr, "the script or the platform's client says so"
    assert not [region for region in others if (tmp_path / region).exists()]


TOLD = {
    "none": ["eu-west-1: runs", "us-east-1: runs"],
    "eu-west-1": ["eu-west-1: the new pods did not become ready and it went back;", "us-east-1: was left as it is"],
    "us-east-1": ["eu-west-1: runs", "us-east-1: the new pods did not become ready and it went back;"],
}


@pytest.mark.parametrize("broken", TOLD)
def test_a_cluster_that_does_not_take_it_goes_back_and_each_says_its_state(
    broken: str, rendered: Rendered, tmp_path: Path
) -> None:
    done = deploy(rendered("github, kubernetes"), "kubernetes", tmp_path, BROKEN=broken)
    states = done.stderr.splitlines()
    assert [state.startswith(told) for state, told in zip(states, TOLD[broken], strict=True)] == [True, True], states
    undone = [line for line in (tmp_path / "calls").read_text().splitlines() if "rollout undo" in line]
    back = "rollout undo deployment/bob-server --to-revision 3"
    assert [line.partition("bob-server ")[2] for line in undone] == ([] if broken == "none" else [back])


def test_a_cluster_that_cannot_go_back_says_what_it_asks_for(rendered: Rendered, tmp_path: Path) -> None:
    done = deploy(rendered("github, kubernetes"), "kubernetes", tmp_path, BROKEN="eu-west-1", STUCK="yes")
    assert done.returncode == 1
    assert f"it could not go back: it asks for {REGISTRY}@{DIGEST}; the pods of revision 3 still serve" in done.stderr


def test_the_job_takes_a_new_token_for_each_step(rendered: Rendered, tmp_path: Path) -> None:
    job = jobs_of(rendered("github, kubernetes"))["deploy"]
    [command] = [step["env"]["ID_TOKEN_COMMAND"] for step in job["steps"] if "ID_TOKEN_COMMAND" in step.get("env", {})]
    put_program(tmp_path, "curl", 'echo >> "$here/asked"; echo "token $(wc -l < "$here/asked")"')
    put_program(tmp_path, "jq", "cat")
    forge = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://forge.example.com",
    }
    place = {"ID_TOKEN_COMMAND": command, "AUDIENCE": "bob-server", "BROKEN": "us-east-1"}
    deploy(rendered("github, kubernetes"), "kubernetes", tmp_path, **forge, **place)
    steps = ["before the first", "while it waits", "before the second", "while it waits", "before it goes back"]
    assert (tmp_path / "token").read_text() == f"token {len(steps)}"


NEEDED = [(name, variable) for name in DEPLOYED for variable in VARIABLES[name.split(", ")[1]]]


@pytest.mark.parametrize("name, missing", NEEDED)
def test_nothing_is_called_without_a_variable_which_is_named(
    name: str, missing: str, rendered: Rendered, tmp_path: Path
) -> None:
    done = deploy(rendered(name), name.split(", ")[1], tmp_path, **{missing: ""})
    assert done.returncode != 0
    assert f"{missing}: is missing: " in done.stderr
    assert not (tmp_path / "calls").exists()


def test_a_definition_of_another_image_is_not_registered(rendered: Rendered, tmp_path: Path) -> None:
    done = deploy(rendered("github, aws-ecs"), "aws-ecs", tmp_path, OLD="registry.example.com/other:latest")
    assert done.returncode == 1
    assert f"does not run {REGISTRY} by digest" in done.stderr
    assert "register-task-definition" not in (tmp_path / "calls").read_text()


@deployed
def test_the_job_passes_on_every_variable(name: str, rendered: Rendered) -> None:
    job = jobs_of(rendered(name))["deploy"]
    last = commands_of(job)[-1]
    assert "deploy.sh" in last
    for variable in VARIABLES[name.split(", ")[1]]:
        assert "kubernetes" in name or f"--env {variable} " in last
        assert name.startswith("gitlab") or job["env"][variable] == f"${{{{ vars.{variable} }}}}"


# --------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize("name", GITHUB)
def test_the_main_branch_takes_what_passed_every_job(name: str, rendered: Rendered) -> None:
    repository = rendered(name)
    rules = json.loads((repository / ".github/rulesets/main.json").read_text())["rules"]
    [checks] = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
    [workflow] = parse_documents((repository / ".github/workflows/ci.yml").read_text())
    names = [
        job["name"].replace("${{ matrix.python }}", version)
        for job in workflow["jobs"].values()
        for version in job.get("strategy", {}).get("matrix", {}).get("python", [""])
    ]
    assert sorted(check["context"] for check in checks["required_status_checks"]) == sorted(names)


GH = """
case "$*" in
  *users/*) echo 7 ;;
  *teams/*) echo 8 ;;
  *codeowners/errors*) cat "$here/errors" 2>/dev/null || true ;;
  *--jq*rulesets*|*rulesets*--jq*) [ ! -e "$here/known" ] || echo 42 ;;
  *deployment-branch-policies\\ --jq*) cat "$here/policies" 2>/dev/null || true ;;
  *"--input -"*) tr -d '\\n' >> "$here/sent"; echo >> "$here/sent" ;;
esac
"""


def test_rules_are_made_once_and_brought_up_to_date_afterwards(rendered: Rendered, tmp_path: Path) -> None:
    calls = put_program(tmp_path, "gh", GH)
    script = f"{rendered('github, aws-ecs') / '.github/rulesets/apply.sh'} alice < /dev/null"

    assert run_shell(script, tmp_path).returncode == 0
    made = calls.read_text()
    calls.unlink()
    (tmp_path / "known").touch()
    (tmp_path / "policies").write_text("main\nv*\n")
    assert run_shell(script, tmp_path).returncode == 0
    updated = calls.read_text()

    assert made.count("--method POST repos/{owner}/{repo}/rulesets --input") == 3
    assert updated.count("--method PUT repos/{owner}/{repo}/rulesets/42 --input") == 3
    for environment, kind, name in [("release", "tag", "v*"), ("production", "branch", "main")]:
        assert f"--method PUT repos/{{owner}}/{{repo}}/environments/{environment}" in made
        assert f"environments/{environment}/deployment-branch-policies --field type={kind} --field name={name}" in made
    assert "--field" not in updated
    sent = [json.loads(line) for line in (tmp_path / "sent").read_text().splitlines()]
    assert len(sent) == 4
    assert all(rules["prevent_self_review"] and rules["reviewers"] == [{"type": "User", "id": 7}] for rules in sent)


def test_a_team_may_approve(rendered: Rendered, tmp_path: Path) -> None:
    calls = put_program(tmp_path, "gh", GH)
    done = run_shell(f"{rendered('github, none') / '.github/rulesets/apply.sh'} acme/releasers", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gh api orgs/acme/teams/releasers" in calls.read_text()
    assert json.loads((tmp_path / "sent").read_text())["reviewers"] == [{"type": "Team", "id": 8}]


def test_an_owner_of_code_that_github_does_not_know_is_told(rendered: Rendered, tmp_path: Path) -> None:
    put_program(tmp_path, "gh", GH)
    (tmp_path / "errors").write_text("Unknown owner on line 2: acme\n")
    done = run_shell(f"{rendered('github, none') / '.github/rulesets/apply.sh'} alice", tmp_path)
    assert done.returncode == 1
    assert "Unknown owner on line 2: acme" in done.stderr


def test_release_tags_are_made_by_maintainers_and_never_moved(rendered: Rendered) -> None:
    folder = rendered("github, none") / ".github/rulesets"
    creation, releases = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("release-creation", "releases")
    )
    assert creation["rules"] == [{"type": "creation"}]
    assert {actor["actor_id"] for actor in creation["bypass_actors"]} == {2, 5}, "the roles maintain and admin"
    assert {rule["type"] for rule in releases["rules"]} == {"deletion", "update"}
    assert "bypass_actors" not in releases


@pytest.mark.parametrize("ci", REPOSITORY)
@pytest.mark.parametrize("branch, status", [("main", 0), ("aside", 1)])
def test_a_tag_of_what_nobody_reviewed_is_not_released(ci, branch, status, rendered, tmp_path) -> None:
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["commit", "--quiet", "--allow-empty", "-m", "1"]):
        git(tmp_path, *arguments)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(tmp_path, "switch", "--quiet", "--force-create", branch)
    if status:
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "Nobody reviewed it")
    git(tmp_path, "tag", "v1.2.3")
    jobs = jobs_of(rendered(f"{ci}, aws-ecs"))
    job = jobs["package" if ci == "github" else "sign"]

    done = run_shell(
        commands_of(job)[0], tmp_path, GITHUB_REF_NAME="v1.2.3", CI_COMMIT_TAG="v1.2.3", CI_DEFAULT_BRANCH="main"
    )

    assert done.returncode == status
    assert (done.stderr == "") is (status == 0)
    assert job["steps"][0]["with"]["fetch-depth"] == 0 if ci == "github" else job["variables"]["GIT_DEPTH"] == "0"


@pytest.mark.parametrize("name", GITHUB)
def test_a_release_waits_for_its_approval_before_anything_is_published(name: str, rendered: Rendered) -> None:
    jobs = jobs_of(rendered(name))
    gate = "publish" if name.endswith(", none") else "image"
    assert [job for job, body in jobs.items() if body.get("environment") == "release"] == [gate]
    assert gate in ["publish", *jobs["publish"]["needs"]]


def test_without_an_approver_no_rule_is_made(rendered: Rendered, tmp_path: Path) -> None:
    calls = put_program(tmp_path, "gh", GH)
    done = run_shell(str(rendered("github, aws-ecs") / ".github/rulesets/apply.sh"), tmp_path)
    assert done.returncode != 0
    assert "who approves deployments?" in done.stderr
    assert not calls.exists()


def test_gitlab_protects_its_branch_its_tags_and_its_environments(rendered: Rendered, tmp_path: Path) -> None:
    calls = put_program(
        tmp_path, "glab", """case "$*" in *"--input -"*) cat >> "$here/sent"; printf '\\0' >> "$here/sent" ;; esac"""
    )
    done = run_shell(str(rendered("gitlab, aws-ecs") / ".gitlab/apply-rules.sh"), tmp_path)
    assert done.returncode == 0, done.stderr
    told = calls.read_text()
    assert "projects/:id/protected_environments/production" in told
    sent = [json.loads(text) for text in (tmp_path / "sent").read_text().split("\0") if text]
    named = {document["name"]: document for document in sent if "name" in document}
    assert set(named) == {"main", "v*", "release", "production"}
    assert named["v*"]["create_access_level"] == 40
    assert named["production"]["deploy_access_levels"] == [{"access_level": 40}]
    assert named["production"]["approval_rules"] == [{"access_level": 40, "required_approvals": 1}]
    [project] = [document for document in sent if "merge_method" in document]
    assert project["allow_pipeline_trigger_approve_deployment"] is False
    assert [document["description"] for document in sent if "cron" in document] == ["Weekly scan"]


OWNERS = [
    ("github", "https://github.com/acme/notes", "* @acme"),
    ("github", "https://github.com/octo-cat_acme/notes", "* @octo-cat_acme"),
    ("github", "https://git.example.com/notes", None),
    ("github", "https://git.example.com/team.of/notes", None),
    ("github", "https://git.example.com/deep/er/notes", None),
    ("gitlab", "https://gitlab.com/acme/notes", "* @acme"),
    ("gitlab", "https://gitlab.com/acme/tools.of/mcp/notes", "* @acme/tools.of/mcp"),
    ("gitlab", "https://git.example.com/~acme/notes", None),
]


@pytest.mark.parametrize("ci, address, line", OWNERS)
def test_the_owners_of_the_code_are_such_as_the_forge_takes(ci, address, line, tmp_path) -> None:
    renderer = Renderer(CHECKOUT_SOURCE, tmp_path)
    renderer.with_defaults({"ci": ci, "repository_url": address}, tmp_path / "repository")
    *comments, last = (tmp_path / "repository/CODEOWNERS").read_text().splitlines()
    assert all(comment.startswith("# ") for comment in comments)
    assert last == line if line else last.startswith("# The address of the repository does not say")


# ------------------------------------------------------------------------------------------------------------ renovate

PINNED = re.compile(r"[\w.-]+(?:/[\w.-]+)*:[\w.-]+@sha256:[0-9a-f]{64}|[a-z-]+==[0-9.]+")
NATIVE = re.compile(r"^\s+(?:- )?(?:image|name): \S+$")


@everywhere
def test_renovate_finds_everything_that_is_pinned(name: str, rendered: Rendered) -> None:
    repository = rendered(name)
    managers = json.loads((repository / "renovate.json").read_text()).get("customManagers", [])
    patterns = [re.compile(text.replace("(?<", "(?P<")) for manager in managers for text in manager["matchStrings"]]
    patterns_of_files = (".github/workflows/*.yml", ".gitlab-ci.yml", ".ci/*.sh")
    files = [file for pattern in patterns_of_files for file in repository.glob(pattern)]
    lines = [line for path in files for line in path.read_text().splitlines() if not NATIVE.match(line)]
    found = {match.group(0)[1:].strip() for line in lines for pattern in patterns for match in pattern.finditer(line)}
    assert {pin for line in lines for pin in PINNED.findall(line)} == found


@everywhere
def test_renovate_waits_before_it_proposes(name: str, rendered: Rendered) -> None:
    assert json.loads((rendered(name) / "renovate.json").read_text())["minimumReleaseAge"] == "7 days"


# ------------------------------------------------------------------------------------------------------------ evidence


@everywhere
def test_the_results_of_the_tests_are_kept_whatever_they_are(name: str, rendered: Rendered) -> None:
    job = jobs_of(rendered(name))["test"]

    assert "uv run pytest --junit-xml=evidence/junit.xml" in commands_of(job)
    if name in GITLAB:
        assert job["artifacts"]["when"] == "always"
        assert job["artifacts"]["paths"] == ["evidence"]
    else:
        [kept] = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert kept["if"] == "${{ !cancelled() }}"
        assert kept["with"] == {"name": "evidence-${{ matrix.python }}", "path": "evidence"}


@pytest.mark.parametrize("name", [name for name in GITHUB if not name.endswith("none")])
def test_a_release_on_github_signs_results_tools_commit_and_image_together(
    name: str, rendered: Rendered, tmp_path: Path
) -> None:
    steps = jobs_of(rendered(name))["image"]["steps"]
    [attested] = [step for step in steps if "actions/attest@" in step.get("uses", "")]
    (tmp_path / "released/dist").mkdir(parents=True)
    for file in ("junit.xml", "tools.lock.json"):
        (tmp_path / "released/dist" / file).write_text(file)

    done = run_shell(command_with(rendered(name), "subjects"), tmp_path, DIGEST=DIGEST)

    assert done.returncode == 0, done.stderr
    digests = dict(reversed(line.split("  ")) for line in (tmp_path / attested["with"]["subject-checksums"]).open())
    assert digests.keys() == {"junit.xml\n", "tools.lock.json\n", f"{REGISTRY}\n"}
    assert digests[f"{REGISTRY}\n"] == "1" * 64
    predicate = json.loads(attested["with"]["predicate"])
    assert predicate["configuration"] == [{"name": "commit", "digest": {"gitCommit": "${{ github.sha }}"}}]


@pytest.mark.parametrize("name", GITLAB)
def test_a_release_on_gitlab_signs_results_tools_commit_and_image_together(
    name: str, rendered: Rendered, tmp_path: Path
) -> None:
    commands = commands_of(jobs_of(rendered(name))["sign"])
    [command] = [command for command in commands if "results.json" in command and "attest-blob" not in command]
    [signed] = [command for command in commands if "attest-blob" in command]
    (tmp_path / "tools.lock.json").write_text("{}")

    done = run_shell(command, tmp_path, CI_COMMIT_SHA="a" * 40, IMAGE=REGISTRY, DIGEST=DIGEST)

    assert done.returncode == 0, done.stderr
    bound = {
        each["name"]: each["digest"] for each in json.loads((tmp_path / "results.json").read_text())["configuration"]
    }
    assert bound.pop("commit") == {"gitCommit": "a" * 40}
    assert len(bound.pop("tools.lock.json")["sha256"]) == 64
    assert bound == ({} if name.endswith("none") else {REGISTRY: {"sha256": "1" * 64}})
    assert signed.split()[-1] == "dist/junit.xml"
    assert "--predicate results.json" in signed


@everywhere
def test_a_release_has_the_results_of_its_own_tests(name: str, rendered: Rendered) -> None:
    commands = "\n".join(commands_of(jobs_of(rendered(name))["package"]))

    assert "cp evidence/junit.xml dist/" in commands
