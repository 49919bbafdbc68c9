"""The Kubernetes manifests, checked against the project they run, without a cluster."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from tests.support.workplace import ROOT

RAY = re.search(r"^ray==(.*)$", (ROOT / "requirements" / "cluster.txt").read_text(), re.M).group(1)
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
MANIFESTS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "deploy").glob("*.yaml")}


def cluster_of(manifest: dict) -> dict:
    return manifest["spec"] if manifest["kind"] == "RayCluster" else manifest["spec"]["rayClusterSpec"]


def groups_of(manifest: dict) -> list[dict]:
    spec = cluster_of(manifest)
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_both_kinds_of_manifest_are_there():
    assert {manifest["kind"] for manifest in MANIFESTS.values()} == {"RayJob", "RayCluster"}
    assert all(manifest["apiVersion"] == "ray.io/v1" for manifest in MANIFESTS.values())


def test_the_image_has_our_ray_and_copies_files_that_exist():
    assert f"FROM rayproject/ray:{RAY}-py3" in DOCKERFILE
    for copied in re.findall(r"^COPY (\S+) ", DOCKERFILE, re.M):
        assert (ROOT / copied).is_dir()
    for required in re.findall(r"-r (\S+)", DOCKERFILE):
        assert (ROOT / required).is_file()


@pytest.mark.parametrize("name", MANIFESTS)
def test_all_nodes_share_one_ray_one_image_and_one_volume(name):
    manifest = MANIFESTS[name]
    assert cluster_of(manifest)["rayVersion"] == RAY
    built = re.search(r"docker build .* -t (\S+)", DOCKERFILE).group(1)
    workdir = re.search(r"^WORKDIR (\S+)$", DOCKERFILE, re.M).group(1)
    mounted = []
    for group in groups_of(manifest):
        spec = group["template"]["spec"]
        (container,) = spec["containers"]
        assert container["image"] == built and container["workingDir"] == workdir
        assert container["resources"]["limits"] == container["resources"]["requests"]
        (volume,), (mount,) = spec["volumes"], container["volumeMounts"]
        assert volume["name"] == mount["name"]
        mounted.append((volume["persistentVolumeClaim"]["claimName"], mount["mountPath"]))
    assert len(set(mounted)) == 1


@pytest.mark.parametrize("name", MANIFESTS)
def test_worker_groups_have_possible_sizes(name):
    assert cluster_of(MANIFESTS[name])["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in cluster_of(MANIFESTS[name])["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def commands() -> list[str]:
    """The commands that manifests run or mention."""
    entry = next(manifest["spec"]["entrypoint"] for manifest in MANIFESTS.values() if manifest["kind"] == "RayJob")
    texts = [path.read_text() for path in (ROOT / "deploy").glob("*.yaml")]
    return [entry, *re.findall(r"^#\s+(python -m scripts\..*)$", "\n".join(texts), re.M)]


@pytest.mark.parametrize("command", commands())
def test_commands_use_flags_that_exist_and_keep_everything_on_the_volume(command):
    python, _, module, *flags = shlex.split(command)
    assert python == "python"
    known = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True).stdout
    for flag in flags:
        name, _, value = flag.removeprefix("--").partition("=")
        assert re.search(rf"--(\[no\])?{name}\b", known), flag
        if name.endswith("_dir") or name == "skipped_images":
            assert value.startswith("/shared/")
