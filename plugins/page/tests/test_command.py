"""The command says where the page is, and who may see it."""

import pytest
from click.testing import CliRunner
from crowdkit_page import command, serving

from crowdkit_core.cli.app import crowdkit


@pytest.fixture
def served(monkeypatch):
    """What the server would be started with."""
    calls = []
    monkeypatch.setattr(serving, "serve", lambda folder, **given: calls.append((folder, given)))
    return calls


def run(*arguments):
    return CliRunner().invoke(crowdkit, ["page", *arguments])


def test_by_default_it_listens_to_this_machine_alone(served):
    result = run("--device", "cpu")
    assert result.exit_code == 0, result.output
    ((folder, given),) = served
    assert (given["host"], given["token"]) == ("127.0.0.1", "")
    assert "open http://127.0.0.1:8470/ in a browser" in result.output
    assert str(folder / "corrections") in result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::"])
def test_another_host_has_a_token_that_is_printed(served, host):
    result = run("--host", host, "--device", "cpu")
    ((_, given),) = served
    assert len(given["token"]) >= 20
    assert f"?token={given['token']} " in result.output


def test_a_token_of_one_s_own(served):
    run("--host", "0.0.0.0", "--token", "quite-long-enough", "--device", "cpu")
    assert served[0][1]["token"] == "quite-long-enough"


@pytest.mark.parametrize("token", ["", "short"])
def test_a_token_that_is_easily_guessed_is_refused(served, token):
    result = run("--host", "0.0.0.0", "--token", token)
    assert "easily guessed" in str(result.exception)
    assert served == []


def test_limits_are_set(served):
    run("--max-megapixels", "3", "--max-files", "2", "--keep-minutes", "7", "--device", "cpu")
    limits = served[0][1]["limits"]
    assert (limits.megapixels, limits.files, limits.minutes) == (3.0, 2, 7.0)


def test_help_needs_no_torch_and_no_server():
    import subprocess
    import sys

    code = (
        "import sys; from crowdkit_core.cli.app import crowdkit\n"
        "crowdkit.main(['page', '--help'], standalone_mode=False)\n"
        "assert not {'torch', 'nicegui'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert command.page.help.splitlines()[0] in done.stdout
