"""Files of the hub, from a small one in this process; its client runs in another one.

The client reads where the hub is when it is imported.
"""

import hashlib
import os
import subprocess
import sys

import pytest
import tomli_w

COMMIT = "c" * 40
CONTENT = b"weights of the hub" * 100
ADDRESS = "hf://toys/net@v1/best.safetensors"


@pytest.fixture
def hub(server):
    """Has ``best.safetensors`` at the revision v1 of toys/net, and says what it does not have."""

    def have(path, content, etag):
        server.pages[path] = content
        server.headers[path] = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}

    def lack(path, status, code):
        server.statuses[path] = status
        server.headers[path] = {"X-Error-Code": code, "X-Error-Message": code}

    for revision in ("v1", COMMIT):
        path = f"/toys/net/resolve/{revision}/best.safetensors"
        have(path, CONTENT, hashlib.sha256(CONTENT).hexdigest())
    have("/toys/net/resolve/v1/small.bin", b"small", "f" * 40)
    have("/toys/net/resolve/v1/unlike.bin", b"unlike", "0" * 64)
    lack("/toys/net/resolve/v1/no.bin", 404, "EntryNotFound")
    lack("/toys/net/resolve/v9/best.safetensors", 404, "RevisionNotFound")
    lack("/toys/none/resolve/v1/best.safetensors", 404, "RepoNotFound")
    lack("/toys/gated/resolve/v1/best.safetensors", 403, "GatedRepo")
    return server


@pytest.fixture
def located(hub, tmp_path):
    """What a new process says of a source: its file, or the error in one line and a hint."""
    endpoint = hub.url  # known also after the hub is gone
    code = (
        "import sys\n"
        "from crowdkit_core.cards import locate\n"
        "from crowdkit_core.errors import CrowdkitError\n"
        "try: print(locate(sys.argv[1]).path)\n"
        "except CrowdkitError as error: print(f'{type(error).__name__}: {error}')\n"
    )

    def locate(source, *places):
        environment = {
            **os.environ,
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "CROWDKIT_CACHE": str(tmp_path / "cache"),
            "PYTHONPATH": os.pathsep.join([*map(str, places), *sys.path]),
        }
        done = subprocess.run(
            [sys.executable, "-c", code, source],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    return locate


def files(folder):
    return [each for each in folder.rglob("*") if each.is_file() and each.suffix != ".lock"]


def test_a_file_of_the_hub_is_fetched_once(located, hub):
    path = located(ADDRESS)
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    hub.stop()
    assert located(ADDRESS) == path


def test_a_commit_needs_no_network_again(located, hub):
    path = located(f"hf://toys/net@{COMMIT}/best.safetensors")
    hub.stop()
    assert located(f"hf://toys/net@{COMMIT}/best.safetensors") == path


def test_a_small_file_has_no_sha256_to_be_checked_against(located):
    assert located("hf://toys/net@v1/small.bin").endswith("small.bin")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://toys/net@v1/no.bin", "toys/net has no file 'no.bin' at revision 'v1'"),
        ("hf://toys/net@v9/best.safetensors", "toys/net has no revision 'v9'"),
        ("hf://toys/none@v1/best.safetensors", "the hub has no repository toys/none"),
        ("hf://toys/gated@v1/best.safetensors", "toys/gated is open only to those"),
        ("hf://toys/net@v1/unlike.bin", ", the hub says 000000000000..."),
    ],
)
def test_what_the_hub_does_not_have(located, address, message):
    first, *hints = located(address).splitlines()
    assert first.startswith(f"WeightsError: {address}: ")
    assert message in first
    assert len(hints) <= 1


@pytest.mark.parametrize(
    "offline",
    [
        pytest.param("1", id="told so"),
        pytest.param("0", id="after several tries", marks=pytest.mark.slow),
    ],
)
def test_a_hub_that_is_not_there(located, hub, tmp_path, monkeypatch, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    hub.stop()
    first, hint = located(ADDRESS).splitlines()
    assert "the hub cannot be reached, and its cache does not have 'best.safetensors'" in first
    assert "network" in hint
    assert files(tmp_path / "hf") == []


def test_a_download_cut_short(located, hub, tmp_path):
    hub.cut = True
    (line,) = located(ADDRESS).splitlines()
    assert "'best.safetensors' cannot be fetched from the hub: " in line
    assert not [each for each in files(tmp_path / "hf") if each.name == "best.safetensors"]


@pytest.mark.parametrize("content", [CONTENT, b"something else"])
def test_a_card_of_a_file_of_the_hub(located, install, card, content):
    table = card(content, file=None, hf="toys/net@v1/best.safetensors")
    place = install(
        "crowdkit-hubbed",
        {"crowdkit.weights": {"hubbed": "hubbed"}},
        {"hubbed/__init__.py": "", "hubbed/toy.toml": tomli_w.dumps(table)},
    )
    said = located("toy", place)
    if content == CONTENT:
        assert said.endswith("best.safetensors")
    else:
        assert f"has sha256 {hashlib.sha256(CONTENT).hexdigest()[:12]}..., expected " in said
        assert "delete " in said
