"""A picture of `crowdkit page` with a rendered scene, taken in Chromium."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from crowdkit_core.errors import CrowdkitError

SCENE = Path(__file__).with_name("scene.jpg")
STARTED = 90.0
"""Seconds in which the page has to be there."""


def write(output: Path) -> None:
    """Start the page, count and correct the scene in it, and write what Chromium shows.

    Raises:
        CrowdkitError: There is no Chromium, or the page does not start.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise CrowdkitError("there is no Chromium", hint="apt-get install chromium")
    with TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "crowdkit_core.cli", "page", str(SCENE)]
        command += ["--folder", folder, "--port", str(port), "--device", "cpu"]
        with subprocess.Popen(command) as server, sync_playwright() as playwright:
            try:
                _wait_for(port)
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox"]
                )
                page = browser.new_page(viewport={"width": 1280, "height": 1060})
                page.goto(f"http://127.0.0.1:{port}/")
                picture = page.locator(".cursor-crosshair img")
                page.get_by_text("106 people").wait_for()
                picture.click(position={"x": 40, "y": 320})
                page.get_by_text("after corrections, kept as").wait_for()
                page.get_by_text("Heat map").click()
                page.wait_for_timeout(2000)
                page.screenshot(path=output, type="jpeg", quality=80)
                browser.close()
            finally:
                server.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + STARTED
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise CrowdkitError(f"no page within {STARTED:g} seconds")
