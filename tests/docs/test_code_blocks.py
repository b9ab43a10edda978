"""Every code block of the Markdown pages runs, in order, in a folder of its own.

``python`` blocks of a page share one namespace. ``bash`` blocks run in a shell that stops at the
first failure; their `crowdkit` is that of `warm_crowdkit`, the installed one but for its start. A
block after the comment ``<!-- dry run: reason -->`` is for work too long or for data not shipped:
each of its `crowdkit train` and `crowdkit grid` lines runs with ``--dry-run``, which resolves the
recipes and checks every option; Python is compiled. Blocks of other languages (``text``, ``toml``)
are output or listings. A rendered scene lies there as ``photo.jpg``.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted(ROOT.glob("plugins/*/README.md"))
DRY_COMMANDS = ("crowdkit train", "crowdkit grid")
BLOCK = re.compile(
    r"(?P<dry><!-- dry run: [^>]+ -->\n)?^```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PHOTO = ROOT / "docs/pictures/scene.jpg"
INSTALLED = Path(sys.executable).parent
"""Where the `crowdkit` is that users start."""
WARM = Path(__file__).with_name("warm_crowdkit.py")


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with a `crowdkit` that starts at once."""
    folder = tmp_path_factory.mktemp("warm")
    script, listening = folder / "crowdkit", folder / "socket"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {WARM} run {listening} "$@"\n')
    script.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, WARM, "serve", listening],
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # a pool of threads would not survive forks
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout.readline() == "ready\n"
        yield folder
        server.kill()


def run_shell(code, folder, *programs, **options):
    path = os.pathsep.join([*map(str, programs), str(INSTALLED), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        **options,
    )


def dry(code: str) -> str:
    lines = code.replace("\\\n", " ").splitlines()
    return "\n".join(f"{line} --dry-run" for line in lines if line.startswith(DRY_COMMANDS))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_code_blocks_run(page, warm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROWDKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CROWDKIT_WEIGHTS", str(tmp_path / "weights"))
    shutil.copy(PHOTO, "photo.jpg")
    namespace = {"__name__": "__main__"}
    for block in BLOCK.finditer(page.read_text()):
        code = block["code"]
        if block["language"] == "python":
            line = page.read_text()[: block.start()].count("\n") + 1
            compiled = compile("\n" * line + code, str(page), "exec")
            if not block["dry"]:
                exec(compiled, namespace)
        else:
            run_shell(dry(code) if block["dry"] else code, tmp_path, warm, check=True)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("crowdkit list recipes --json | tee list.json", id="done"),
        pytest.param("mkdir in; cd in; crowdkit plugin new 'my-paper'", id="files"),
        pytest.param("crowdkit info nowhere; touch went-on", id="wrong usage"),
        pytest.param("! crowdkit train --loss nowhere --output refused; touch went-on", id="not"),
        pytest.param("export COLUMNS=60; crowdkit train --help", id="environment"),
        pytest.param("crowdkit list > /dev/full; touch went-on", id="full device"),
    ],
)
def test_warm_and_installed_do_the_same(code, warm, tmp_path):
    """Exit code, both streams and the files written: what a page can see of a command."""
    seen = []
    for name, programs in (("installed", ()), ("warm", (warm,))):
        folder = tmp_path / name
        folder.mkdir()
        done = run_shell(code, folder, *programs, capture_output=True, text=True)
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        seen.append((done.returncode, done.stdout, done.stderr, files))
    installed, warmed = seen
    assert warmed == installed
