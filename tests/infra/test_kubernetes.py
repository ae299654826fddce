"""infra/kubernetes: every object against Kubernetes' own schemas, and what holds between them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.infra.terraform import ROOT

FOLDER = ROOT / "infra" / "kubernetes"
VERSIONS = ("1.30", "1.33")
SHUTDOWN_SECONDS = 9
"""What docs/operations.md promises: after SIGTERM the service is gone within so many"""


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(FOLDER.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if not document["apiVersion"].startswith("kustomize"):
                yield str(file.relative_to(FOLDER)), document


OBJECTS = dict(documents())


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in OBJECTS.values() if each["kind"] == kind]


def pod_specs(document: Any) -> Iterator[dict[str, Any]]:
    """The pod templates' specs, wherever they stand in an object."""
    if isinstance(document, dict):
        if "containers" in document:
            yield document
        for value in document.values():
            yield from pod_specs(value)


PODS = {name: spec for name, document in OBJECTS.items() for spec in pod_specs(document)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OBJECTS)
def test_the_object_is_one_of_kubernetes(name: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    (budget,) = of_kind("PodDisruptionBudget")
    faulty = {**budget, "spec": {**budget["spec"], "maxUnavailible": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(faulty, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_one_that_a_restricted_namespace_takes(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_only_the_migration_knows_the_tables_owner() -> None:
    secrets = {
        name: {each["secretRef"]["name"] for container in pod["containers"] for each in container["envFrom"]}
        for name, pod in PODS.items()
    }
    assert secrets.pop("migration/job.yaml") == {"benchmark-qa-migration"}
    assert set().union(*secrets.values()) == {"benchmark-qa"}


def test_the_service_is_drained_before_it_is_stopped() -> None:
    pod = PODS["base/deployment.yaml"]
    (container,) = pod["containers"]
    _, pause = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] >= int(pause) + SHUTDOWN_SECONDS
    deployment = OBJECTS["base/deployment.yaml"]["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_version_that_is_not_ready_is_not_rolled_out_and_one_without_its_database_stays() -> None:
    (container,) = PODS["base/deployment.yaml"]["containers"]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/healthz", "livenessProbe": "/healthz"}
    assert {port["name"] for port in container["ports"]} == {container[kind]["httpGet"]["port"] for kind in paths}


def test_budget_service_and_autoscaler_mean_the_deployments_pods() -> None:
    (deployment,) = of_kind("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert of_kind("PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert of_kind("Service")[0]["spec"]["selector"].items() <= labels.items()
    scaler = of_kind("HorizontalPodAutoscaler")[0]["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["minReplicas"] >= 2, "one pod would be away with its node"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    pool = next(int(each["value"]) for each in container["env"] if each["name"] == "DATABASE_CONNECTIONS")
    said = (FOLDER / "base" / "autoscaler.yaml").read_text()
    assert f"{(scaler['maxReplicas'] + 1) * pool} of the database's" in said


def test_every_file_belongs_to_a_kustomization() -> None:
    listed = set()
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        document = yaml.safe_load(kustomization.read_text())
        for entry in (*document.get("resources", []), *document.get("components", [])):
            place = (kustomization.parent / entry).resolve()
            assert place.exists(), f"{kustomization}: {entry}"
            listed.add(place)
    assert {FOLDER / name for name in OBJECTS} - listed == set()


@pytest.mark.parametrize("overlay", ["example", "example-migration"])
def test_kustomize_builds_the_overlay_with_the_image_that_it_names(overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("SKIPPED: kubectl, which builds overlays, is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / "overlays" / overlay)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert set(re.findall(r"image: (\S+)", done.stdout)) == {"registry.example.com/benchmark-qa:1"}
    for document in built:
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "benchmark-qa"


def test_the_two_overlays_name_the_same_image() -> None:
    images = [
        yaml.safe_load((FOLDER / "overlays" / name / "kustomization.yaml").read_text())["images"]
        for name in ("example", "example-migration")
    ]
    assert images[0] == images[1]


def test_the_document_of_the_example_is_one(tmp_path: Path) -> None:
    text = (FOLDER / "overlays" / "example" / "benchmark-qa.json").read_text()
    assert set(yaml.safe_load(text)) == {"production_project", "benchmark_projects", "stages"}
