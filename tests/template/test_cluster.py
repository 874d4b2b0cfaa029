"""deploy/kubernetes as operator and CI use it, in a real control plane: each test goes on from the one before."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.control_plane import ControlPlane, Done, running_control_planes, wait_until
from tests.cluster.operation import (
    BAD,
    FIRST,
    IMAGE,
    NAME,
    SECOND,
    THIRD,
    TOKEN_SECONDS,
    Cluster,
    deployment,
    digest,
    image,
    make_secret,
    release_first,
    set_deadline,
)
from tests.support.deployments import HTTP, TEXTS, build_overlay, parse_documents, render_answers

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]

REPOSITORIES: dict[str, dict[str, Any]] = {
    "one region": {"ci": "github", "telemetry": "both"},
    "two regions": {"ci": "gitlab", "regions": "eu-west-1,us-east-1", "compliance": ["soc2"]}
    | {"gateway_controller": "envoy-gateway", "service_mesh": "linkerd"},
}


@pytest.fixture(scope="module", params=REPOSITORIES)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The regions of a rendered repository, each with an empty namespace, as the README makes it."""
    folder = tmp_path_factory.mktemp("cluster")
    answers = {"image_repository": IMAGE, "deployment": "kubernetes"}
    repository = render_answers(TEXTS | HTTP | answers | REPOSITORIES[request.param], folder / "repository")
    [regions] = re.findall(
        "^for region in (.*); do", (repository / "deploy/kubernetes/deploy.sh").read_text(), re.MULTILINE
    )
    with running_control_planes(regions.split(), folder, audience=NAME) as planes:
        for plane in planes:
            plane.do("create", "namespace", NAME)
        yield Cluster(repository, planes, "region" if len(planes) > 1 else "production")


def pods(plane: ControlPlane) -> list[dict[str, Any]]:
    found = plane.get("pods", "--namespace", NAME, "--selector", f"app.kubernetes.io/name={NAME}")["items"]
    return [dict(pod) for pod in found]


def available(plane: ControlPlane) -> int:
    return int(deployment(plane)["status"].get("availableReplicas", 0))


def wait_for_replicas(plane: ControlPlane, count: int) -> None:
    wait_until(lambda: available(plane) == count, seconds=240)


def limits(plane: ControlPlane) -> tuple[int, int]:
    """The fewest and the most replicas."""
    spec = plane.get("hpa", NAME, "--namespace", NAME)["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


def states(done: Done) -> list[str]:
    """What deploy.sh says of each region."""
    return [line for line in done.stderr.splitlines() if re.match(r"[a-z0-9-]+: .*\.$", line)]


def manifests(cluster: Cluster) -> Path:
    file = cluster.repository.parent / "manifests.yaml"
    file.write_text(build_overlay(cluster.folder / "overlays" / cluster.overlay))
    return file


# --------------------------------------------------------------------------------------------------------- the operator


def test_nothing_is_applied_until_image_secret_and_kinds_are_there(cluster: Cluster) -> None:
    for plane in cluster.planes:
        refused = [cluster.apply(plane).stderr] if plane is cluster.first else []
        release_first(cluster)
        refused.append(cluster.apply(plane).stderr)
        make_secret(cluster, plane)
        refused.append(cluster.apply(plane).stderr)
        told = ["the image has no digest yet", "has no key", 'no matches for kind "PodMonitor"']
        assert [words in text for words, text in zip(told[-len(refused) :], refused, strict=True)] == [True] * len(
            refused
        )
        assert plane.get("deployments,services,roles", "--namespace", NAME)["items"] == []
        plane.learn_kinds(manifests(cluster))


def test_what_is_applied_rolls_out_with_the_resources_it_asks_for(cluster: Cluster) -> None:
    for plane in cluster.planes:
        done = cluster.apply(plane)
        assert done.returncode == 0, done.stderr
        plane.do("rollout", "status", f"deployment/{NAME}", "--namespace", NAME, "--timeout", "90s")
        least, _ = limits(plane)
        wait_for_replicas(plane, least)
        [asked] = deployment(plane)["spec"]["template"]["spec"]["containers"]
        assert [pod["spec"]["containers"][0]["resources"] for pod in pods(plane)] == [asked["resources"]] * least


def test_the_namespace_refuses_a_privileged_pod(cluster: Cluster) -> None:
    done = cluster.first.run("run", "privileged", "--image=x", "--privileged", "--namespace", NAME)
    assert done.returncode != 0
    assert "PodSecurity" in done.stderr


def test_pods_bear_their_region_and_run_on_its_nodes(cluster: Cluster) -> None:
    if cluster.overlay != "region":
        pytest.skip("one region needs no label")
    for plane in cluster.planes:
        assert {pod["metadata"]["labels"]["topology.kubernetes.io/region"] for pod in pods(plane)} == {plane.region}


# ------------------------------------------------------------------------------------------------------------------- CI


def test_another_repository_may_not_deploy(cluster: Cluster) -> None:
    done = cluster.deploy(SECOND, subject="repo:someone/else:environment:production")
    assert done.returncode == 1
    assert "forbidden" in done.stderr
    told = ["nothing was changed, as the cluster did not answer or refused it", "was left as it is"]
    expected = [f"{plane.region}: {state}." for plane, state in zip(cluster.planes, told, strict=False)]
    assert states(done) == expected
    assert [image(plane) for plane in cluster.planes] == [FIRST] * len(cluster.planes)


def test_ci_puts_a_release_into_service_everywhere(cluster: Cluster) -> None:
    done = cluster.deploy(SECOND)
    assert done.returncode == 0, done.stderr
    assert [image(plane) for plane in cluster.planes] == [SECOND] * len(cluster.planes)
    assert [state.partition("@")[2] for state in states(done)] == [f"{SECOND}."] * len(cluster.planes)


def test_ci_may_do_nothing_else(cluster: Cluster) -> None:
    others = ["get secrets", "delete deployments", "create pods", "patch roles", "patch deployments/another"]
    for other in others:
        assert cluster.as_ci(cluster.first, "auth", "can-i", *other.split()).stdout.strip() == "no", other
    assert cluster.as_ci(cluster.first, "auth", "can-i", "patch", f"deployments/{NAME}").stdout.strip() == "yes"


def test_a_release_that_never_gets_ready_is_taken_back_within_the_life_of_a_token(cluster: Cluster) -> None:
    set_deadline(cluster)
    done = cluster.deploy(BAD)
    assert done.returncode == 1
    first, *others = states(done)
    assert re.search(r"did not become ready and it went back; the pods of revision \d+ still serve", first), done.stderr
    assert [other.partition(": ")[2] for other in others] == ["was left as it is."] * (len(cluster.planes) - 1)
    assert [image(plane) for plane in cluster.planes] == [SECOND] * len(cluster.planes)
    assert available(cluster.first) == limits(cluster.first)[0]


def test_a_stuck_release_is_not_what_a_later_one_goes_back_to(cluster: Cluster) -> None:
    stuck = f"server={IMAGE}@{digest('bad1')}"
    cluster.first.do("set", "image", f"deployment/{NAME}", stuck, "--namespace", NAME)
    done = cluster.deploy(digest("bad2"))
    assert done.returncode == 1
    assert "it went back" in states(done)[0], done.stderr
    assert image(cluster.first) == SECOND


def test_a_token_that_ended_is_replaced_where_ci_gives_another(cluster: Cluster) -> None:
    command = " ".join(cluster.first.token_command(f"'{cluster.subject}'", TOKEN_SECONDS))
    done = cluster.deploy(THIRD, seconds=-1, command=command)
    assert done.returncode == 0, done.stderr
    assert "Unauthorized" in cluster.deploy(SECOND, seconds=-1).stderr
    assert image(cluster.first) == THIRD


def test_a_second_region_that_refuses_is_told_apart_from_the_first(cluster: Cluster) -> None:
    if len(cluster.planes) == 1:
        pytest.skip("there is no second region")
    first, second = cluster.planes
    binding = second.get("rolebinding", f"{NAME}-ci", "--namespace", NAME)
    second.do("delete", "rolebinding", f"{NAME}-ci", "--namespace", NAME)
    done = cluster.deploy(SECOND)
    del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
    second.do("create", "--filename", "-", given=json.dumps(binding))
    assert done.returncode == 1
    assert [image(first), image(second)] == [SECOND, THIRD]
    assert [state.partition(": ")[2].partition(",")[0] for state in states(done)][1] == "nothing was changed"


def test_an_earlier_release_is_put_back_by_its_digest(cluster: Cluster) -> None:
    done = cluster.deploy(FIRST)
    assert done.returncode == 0, done.stderr
    assert [image(plane) for plane in cluster.planes] == [FIRST] * len(cluster.planes)


# --------------------------------------------------------------------------------------------------- what happens later


def test_a_rotated_secret_reaches_every_pod_without_a_gap(cluster: Cluster) -> None:
    plane = cluster.first
    text = (cluster.folder / "README.md").read_text()
    [patch] = re.findall(r"kubectl patch secret .* --patch '(.*)'", text)
    plane.do("patch", "secret", NAME, "--namespace", NAME, "--patch", patch)
    data = plane.get("secret", NAME, "--namespace", NAME)["data"]
    assert base64.b64decode(data["request-state-keys"]) == b"OLD,NEW"
    before = {pod["metadata"]["name"] for pod in pods(plane)}
    with observed(lambda: available(plane)) as seen:
        plane.do("rollout", "restart", f"deployment/{NAME}", "--namespace", NAME)
        wait_until(lambda: before.isdisjoint(pod["metadata"]["name"] for pod in pods(plane)))
    assert min(seen) >= limits(plane)[0]


def test_the_most_replicas_and_their_update_leave_room_for_what_they_depend_on(cluster: Cluster) -> None:
    plane, most = cluster.first, limits(cluster.first)[1]
    keep = {"spec": {"template": {"metadata": {"annotations": {"kwok/gone-after": "30s"}}}}}
    plane.do("patch", "deployment", NAME, "--namespace", NAME, "--patch", json.dumps(keep))
    plane.use_cpu(95)
    wait_for_replicas(plane, most)
    hard = int(plane.get("quota", NAME, "--namespace", NAME)["spec"]["hard"]["pods"])
    left = promised_room(cluster)
    with observed(lambda: int(plane.get("quota", NAME, "--namespace", NAME)["status"]["used"]["pods"])) as counts:
        assert cluster.deploy(SECOND, seconds=600).returncode == 0
    events = plane.get("events", "--namespace", NAME, "--field-selector", "reason=FailedCreate")["items"]
    assert events == []
    assert hard - max(counts) >= left
    assert max(counts) > most + 1, "pods that end were not seen to count"


def promised_room(cluster: Cluster) -> int:
    """The pods that the README leaves to what the server depends on."""
    text = (cluster.folder / "README.md").read_text()
    return {"four": 4}[re.findall(r"which leaves (\w+) for what", text)[0]]


@contextmanager
def observed(look: Callable[[], int]) -> Iterator[list[int]]:
    """What is seen, over and over, for as long as the block lasts."""
    ended, seen = threading.Event(), [look()]

    def watch() -> None:
        while not ended.wait(0.5):
            seen.append(look())

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            ended.set()
        watching.result()


def test_a_drained_node_takes_one_pod_at_a_time(cluster: Cluster) -> None:
    plane = cluster.first
    wait_until(lambda: plane.get("pdb", NAME, "--namespace", NAME)["status"]["disruptionsAllowed"] == 1)
    wanted = deployment(plane)["spec"]["replicas"]
    with observed(lambda: int(deployment(plane)["status"]["readyReplicas"])) as seen:
        plane.do("drain", "node-a", "--delete-emptydir-data", "--timeout", "240s")
    assert min(seen) >= wanted - 1
    running = [pod["spec"]["nodeName"] for pod in pods(plane) if "deletionTimestamp" not in pod["metadata"]]
    assert "node-a" not in running


def test_the_overlay_applied_again_keeps_what_it_is_given(cluster: Cluster) -> None:
    for plane in cluster.planes:
        done = cluster.apply(plane)
        assert done.returncode == 0, done.stderr
        assert image(plane) == FIRST
    built = parse_documents(manifests(cluster).read_text())
    [settings] = [one for one in built if one["kind"] == "ConfigMap" and "MCP_PUBLIC_URL" in one["data"]]
    assert (
        cluster.planes[-1].get("configmap", settings["metadata"]["name"], "--namespace", NAME)["data"]
        == settings["data"]
    )
