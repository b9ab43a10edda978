"""Every code block of the Markdown pages runs, in order, in a folder of its own.

``python`` blocks of a page share one namespace. ``bash`` blocks run in a shell that stops at the
first failure. A block after the comment ``<!-- dry run: reason -->`` is for work too long or for
data not shipped: each of its `crowdkit train` and `crowdkit grid` lines runs with ``--dry-run``,
which resolves the recipes and checks every option; Python is compiled. Blocks of other languages
(``text``, ``toml``) are output or listings.
"""

import os
import re
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


def run_shell(code: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        check=True,
    )


def dry(code: str) -> str:
    lines = code.replace("\\\n", " ").splitlines()
    return "\n".join(f"{line} --dry-run" for line in lines if line.startswith(DRY_COMMANDS))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in BLOCK.finditer(page.read_text()):
        code = block["code"]
        if block["language"] == "python":
            line = page.read_text()[: block.start()].count("\n") + 1
            compiled = compile("\n" * line + code, str(page), "exec")
            if not block["dry"]:
                exec(compiled, namespace)
        else:
            run_shell(dry(code) if block["dry"] else code, tmp_path)
