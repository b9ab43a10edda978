"""`crowdkit page`: count, correct and train in the browser."""

from pathlib import Path

import click

from crowdkit_core.errors import UsageError
from crowdkit_core.registry.hooks import hookimpl

LOOPBACK = "127.0.0.1"
SHORTEST_TOKEN = 12


@hookimpl
def register_commands(group: click.Group) -> None:
    """Add ``page`` to the command line."""
    group.add_command(page)


@click.command("page")
@click.argument("photos", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("crowdkit-page"),
    show_default=True,
    help="Holds corrected photos, which stay, and uploads, which do not.",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="NAME",
    help="Weights to offer first: a name or a file; several times.",
)
@click.option("--device", help="Where to count, such as cpu or cuda; the best there is by default.")
@click.option("--host", default=LOOPBACK, show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(1, 65535), default=8470, show_default=True)
@click.option(
    "--token",
    help="What visitors have to show; made and printed for a host other than 127.0.0.1.",
)
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0.1),
    default=64.0,
    show_default=True,
    help="Of one photo.",
)
@click.option(
    "--max-megabytes",
    type=click.FloatRange(min=0.1),
    default=200.0,
    show_default=True,
    help="Of one file.",
)
@click.option(
    "--max-files",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Photos of one visitor.",
)
@click.option(
    "--keep-minutes",
    type=click.FloatRange(min=5),
    default=30.0,
    show_default=True,
    help="Uploads are removed so long after a visitor was last seen.",
)
def page(
    photos: tuple[Path, ...],
    folder: Path,
    weights: tuple[str, ...],
    device: str | None,
    host: str,
    port: int,
    token: str | None,
    max_megapixels: float,
    max_megabytes: float,
    max_files: int,
    keep_minutes: float,
) -> None:
    """Count photos in the browser, correct the dots, and train on the corrections.

    PHOTOS, files and folders, are there for every visitor from the beginning.
    """
    from crowdkit_core.cli.components import chosen_device
    from crowdkit_core.inference import find_images
    from crowdkit_page.access import LOOPBACK as OWN
    from crowdkit_page.access import new_token
    from crowdkit_page.limits import Limits
    from crowdkit_page.serving import serve

    if token is None:
        token = "" if host in OWN else new_token()
    elif len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"a token of {len(token)} letters is easily guessed, expected {SHORTEST_TOKEN} or more",
            hint="leave --token out: one is made and printed where it is needed",
        )
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    click.echo(f"open {address} in a browser; Ctrl-C ends it")
    click.echo(f"corrected photos are kept in {folder / 'corrections'}")
    serve(
        folder,
        host=host,
        port=port,
        token=token,
        limits=Limits(
            megapixels=max_megapixels,
            megabytes=max_megabytes,
            files=max_files,
            minutes=keep_minutes,
        ),
        photos=[each for each in find_images(photos) if isinstance(each, Path)] if photos else [],
        weights=weights,
        device=chosen_device(device),
    )
