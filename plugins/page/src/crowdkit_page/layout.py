"""The page: what is where, and what happens on a click. What it means is said in `desk`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from nicegui import events, ui

from crowdkit_core.errors import CrowdkitError
from crowdkit_page import downloads
from crowdkit_page.counting import zone_text
from crowdkit_page.desk import Desk, Mode
from crowdkit_page.drawing import dots_line, headline, svg
from crowdkit_page.photos import Photo
from crowdkit_page.places import GROUND_CORNERS
from crowdkit_page.studio import Studio
from crowdkit_page.training import Training, free_name

Arguments = ParamSpec("Arguments")

HINTS: dict[Mode, str] = {
    "correct": "Click a head to add a dot, click a dot to remove it.",
    "zone": "Click the corners of a zone one after the other, then finish it.",
    "ground": "Click the four corners of a rectangle on the ground, round it in order.",
}
MODES: dict[Mode, str] = {"correct": "Dots", "zone": "Zones", "ground": "Ground"}
ACCEPTED = "image/*,video/*,.heic,.heif,.tif,.tiff,.mkv,.mts,.m2ts"
CHOOSE_FOLDER = """() => {
    const input = document.querySelector('.q-uploader input[type=file]');
    input.webkitdirectory = true;
    input.click();
    for (const end of ['change', 'cancel'])
        input.addEventListener(end, () => { input.webkitdirectory = false; }, { once: true });
}"""
QUIET = "flat dense no-caps"
STYLE = """
.q-uploader { max-height: none; }
.q-uploader__list, .q-uploader__subtitle { display: none; }
.q-uploader__header-content { padding: 1.25rem 1rem; }
"""
CARD = "w-full shadow-none border border-gray-200 rounded-lg p-4 gap-2"
PRIMARY = "#0f766e"


def said(handler: Callable[Concatenate["Page", Arguments], Awaitable[None]]) -> Any:
    """A handler whose errors the visitor reads in one line, as text."""

    @wraps(handler)
    async def guarded(page: "Page", *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            await handler(page, *args, **kwargs)
        except CrowdkitError as error:
            page.say(" ".join(filter(None, (f"{error.message}.", error.hint))), wrong=True)

    return guarded


class Page:
    """One open page.

    Args:
        desk: What its visitor does.
        studio: What all share.
    """

    def __init__(self, desk: Desk, studio: Studio) -> None:
        self.desk = desk
        self.studio = studio
        self.heat = False
        self.image: ui.interactive_image | None = None
        self.shown_outcome: Training | None = None

    def build(self) -> None:
        """Lay out the page."""
        self.client = ui.context.client
        ui.timer(1.0, self._look_at_training)
        ui.timer(0.1, self._count_new, once=True)
        ui.colors(primary=PRIMARY)
        ui.query("body").classes("bg-gray-50")
        ui.add_css(STYLE)
        with ui.header().classes("bg-white text-gray-900 border-b border-gray-200 items-center"):
            ui.label("crowdkit").classes("text-xl font-semibold")
            ui.label("count, correct, train").classes("text-gray-500 max-sm:hidden")
        columns = "grid grid-cols-1 lg:grid-cols-[minmax(0,1fr)_22rem] gap-4 items-start"
        with ui.element("main").classes(f"w-full max-w-7xl mx-auto {columns}"):
            with ui.column().classes("w-full gap-4 min-w-0"):
                self._drop()
                self.strip()
                self.stage()
            with ui.column().classes("w-full gap-4 min-w-0"):
                self.drawn()
                self._weights()
                self._take_along()
                self.training()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Tell the visitor a line."""
        kind: Any = "negative" if wrong else "positive"
        with self.client:  # whatever the part was that was clicked, it may be gone
            ui.notify(text, type=kind, multi_line=True, close_button=True, timeout=8000)

    # -- photos

    def _drop(self) -> None:
        limits = self.studio.limits
        with ui.card().classes(CARD):
            self.upload = (
                ui.upload(
                    multiple=True,
                    auto_upload=True,
                    max_file_size=limits.bytes,
                    label="Drop photos or a clip here",
                    on_upload=self._received,
                    on_rejected=lambda: self.say(
                        "left out: what is neither photo nor clip, or more than "
                        f"{limits.megabytes:g} MB",
                        wrong=True,
                    ),
                )
                .props(f'flat accept="{ACCEPTED}"')
                .classes("w-full rounded-lg")
                .mark("upload")
            )
            with ui.row().classes("w-full gap-2"):
                ui.button("Choose a folder", icon="folder").props(QUIET).on(
                    "click", js_handler=CHOOSE_FOLDER
                )
                ui.button("Count all", icon="groups", on_click=self._count_all).props(QUIET)
                ui.button("Remove all", icon="delete", on_click=self._clear).props(QUIET)
            _small(
                f"Up to {limits.files} photos of {limits.megapixels:g} megapixels. They stay on "
                f"the machine that shows this page, and are removed {limits.minutes:g} minutes "
                "after your last visit; those you correct are kept."
            )

    @said
    async def _received(self, event: events.UploadEventArguments) -> None:
        name = event.file.name
        with self._working(f"reading {name}"):
            photos = await self.desk.receive(name, event.file.save)
            self._show_all()
        self.upload.run_method("removeUploadedFiles")
        for photo in photos:
            await self._count(photo)

    @said
    async def _count_all(self) -> None:
        for photo in list(self.desk.session.photos):
            await self._count(photo)

    @said
    async def _count_new(self) -> None:
        """Count what was here before the page: photos given, and those corrected earlier."""
        for photo in list(self.desk.session.photos):
            if photo.counted is None:
                await self._count(photo)

    async def _count(self, photo: Photo) -> None:
        ahead = self.studio.counting.ahead
        waiting = f", after {ahead} others" if ahead else ""
        with self._working(f"counting {photo.name}{waiting}"):
            await self.desk.count(photo)
        self._show_all()

    def _clear(self) -> None:
        self.desk.clear()
        self._show_all()

    @ui.refreshable_method
    def strip(self) -> None:
        """Small pictures of all photos, and the curve of a clip."""
        photos = self.desk.session.photos
        if not photos:
            return
        with ui.row().classes("w-full flex-nowrap overflow-x-auto gap-2 pb-2"):
            for photo in photos:
                self._small_picture(photo)
        timed = [each for each in photos if each.time is not None and each.counted is not None]
        if len(timed) > 1:
            _curve(
                "seconds",
                [each.time for each in timed],
                {"people": [each.counted.count for each in timed if each.counted]},
            )

    def _small_picture(self, photo: Photo) -> None:
        chosen = (
            "border-2 border-teal-700" if photo is self.desk.photo else "border border-gray-200"
        )
        with (
            ui.card()
            .classes(f"w-28 shrink-0 p-1 gap-0 shadow-none cursor-pointer {chosen}")
            .mark("small")
            .on("click", lambda: self._choose(photo))
        ):
            ui.image(f"/photos/{photo.key}/small.jpg").classes("h-16 w-full").props("fit=contain")
            ui.label(photo.name).classes("text-xs truncate w-full")
            count = "" if photo.counted is None else f"{max(round(photo.counted.count), 0)}"
            dots = f", {len(photo.dots)} dots" if photo.dots.is_corrected else ""
            ui.label(f"{count}{dots}" or "not counted").classes("text-xs text-gray-500")

    def _choose(self, photo: Photo) -> None:
        self.desk.photo = photo
        self._show_all()

    # -- the picture

    @ui.refreshable_method
    def stage(self) -> None:
        """The chosen photo with what is drawn on it."""
        photo = self.desk.photo
        with ui.card().classes(CARD):
            if photo is None:
                ui.icon("add_photo_alternate", size="4rem").classes("self-center text-gray-300")
                ui.label("Drop a photo to see how many people are in it.").classes(
                    "self-center text-gray-500"
                )
                return
            self._result(photo)
            self._tools()
            self.image = ui.interactive_image(
                self._source(photo),
                content=svg(photo),
                on_mouse=self._clicked,
                sanitize=False,  # `svg` escapes names, and all else in it are numbers
            ).classes("w-full cursor-crosshair rounded")
            self.image.mark("picture")
            ui.label(HINTS[self.desk.mode]).classes("text-sm text-gray-500")

    @ui.refreshable_method
    def result(self, photo: Photo) -> None:
        """How many people, how sure, and what to know about it."""
        counted = photo.counted
        ui.label(photo.name).classes("text-sm text-gray-500 break-all").mark("name")
        ui.label(headline(photo)).classes("text-2xl font-semibold").mark("count")
        kept = f", kept as {photo.kept}" if photo.kept else ""
        ui.label(f"{dots_line(photo)}{kept}").classes("text-sm text-teal-700").mark("dots")
        for note in () if counted is None else counted.notes:
            _small(note)

    def _result(self, photo: Photo) -> None:
        with ui.column().classes("w-full gap-0"):
            self.result(photo)

    def _tools(self) -> None:
        with ui.row().classes("w-full items-center gap-2"):
            ui.toggle(dict(MODES), value=self.desk.mode, on_change=self._set_mode).props(
                "no-caps unelevated"
            )
            ui.button(icon="undo", on_click=self._undo).props("flat dense").tooltip("Undo").mark(
                "undo"
            )
            if self.desk.mode == "correct":
                ui.button("All right", icon="check", on_click=self._accept).props(
                    "flat no-caps"
                ).tooltip("The dots are right: keep them for training").mark("accept")
            ui.space()
            ui.switch("Heat map", value=self.heat, on_change=self._set_heat).mark("heat")
            ui.button(icon="delete", on_click=self._remove).props("flat dense").tooltip(
                "Remove this photo"
            )

    def _set_mode(self, event: events.ValueChangeEventArguments[Any]) -> None:
        self.desk.mode = event.value
        self._show_all()

    def _set_heat(self, event: events.ValueChangeEventArguments[Any]) -> None:
        self.heat = event.value
        self.stage.refresh()

    @said
    async def _clicked(self, event: events.MouseEventArguments) -> None:
        self.desk.click(event.image_x, event.image_y)
        await self._after_change()

    @said
    async def _undo(self) -> None:
        self.desk.undo()
        await self._after_change()

    @said
    async def _accept(self) -> None:
        self.desk.accept()
        await self._after_change()

    async def _after_change(self) -> None:
        """Show what a click did, and put corrections on the disk."""
        photo = self.desk.photo
        if photo is None:
            return
        if self.image is not None:
            self.image.content = svg(photo)
        if self.desk.mode != "correct":
            self.drawn.refresh()
            return
        await self.desk.keep()
        self.result.refresh(photo)
        self.strip.refresh()
        self.training.refresh()

    def _remove(self) -> None:
        self.desk.remove()
        self._show_all()

    def _source(self, photo: Photo) -> str:
        if not self.heat or photo.counted is None:
            return f"/photos/{photo.key}/photo.jpg"
        return f"/photos/{photo.key}/heat.jpg?of={id(photo.counted)}"

    # -- zones and the ground

    @ui.refreshable_method
    def drawn(self) -> None:
        """The zones of the chosen photo, and its ground."""
        photo = self.desk.photo
        if photo is None or (self.desk.mode == "correct" and not photo.places.zones):
            return
        with ui.card().classes(CARD):
            if self.desk.mode == "ground":
                self._ground(photo)
            else:
                self._zones(photo)

    def _zones(self, photo: Photo) -> None:
        _title("Zones")
        places = photo.places
        counted = {} if photo.counted is None else {z.name: z for z in photo.counted.zones}
        for zone in places.zones:
            with ui.row().classes("w-full items-center no-wrap"):
                known = counted.get(zone.name)
                things = "people" if photo.counted is None else photo.counted.things
                text = zone.name if known is None else zone_text(known, things)
                ui.label(text).classes("grow break-all").mark("zone")
                ui.button(
                    icon="close", on_click=lambda name=zone.name: self._drop_zone(name)
                ).props("flat dense size=sm")
        if self.desk.mode == "zone":
            name = ui.input("Name", value=places.next_name).props("dense").classes("w-full")
            name.mark("zone-name")
            corners = len(places.begun)
            ui.button(
                f"Finish zone ({corners} corner{'s' * (corners != 1)})",
                on_click=lambda: self._finish_zone(name.value),
            ).props("no-caps").mark("finish-zone")
        self._everywhere()

    def _ground(self, photo: Photo) -> None:
        _title("People per square metre")
        places = photo.places
        _small(
            f"{len(places.ground)} of {GROUND_CORNERS} corners clicked. Then the lengths of two "
            "sides: the first is from corner 1 to 2, the second from 2 to 3."
        )
        with ui.row().classes("w-full no-wrap"):
            length = ui.number("First, metres", value=places.length, min=0.1).mark("length")
            width = ui.number("Second, metres", value=places.width, min=0.1).mark("width")
        ui.button("Measure", on_click=lambda: self._measure(length.value, width.value)).props(
            "no-caps"
        ).mark("measure")
        self._everywhere()

    def _everywhere(self) -> None:
        if len(self.desk.session.photos) > 1:
            ui.button("Draw on all photos of this size", on_click=self._draw_everywhere).props(
                "flat no-caps"
            )

    @said
    async def _finish_zone(self, name: str) -> None:
        self.desk.draw(lambda places: places.with_zone(name))
        await self._count_again()

    @said
    async def _drop_zone(self, name: str) -> None:
        self.desk.draw(lambda places: places.without_zone(name))
        await self._count_again()

    @said
    async def _measure(self, length: float | None, width: float | None) -> None:
        self.desk.measure(length, width)
        await self._count_again()

    def _draw_everywhere(self) -> None:
        number = self.desk.draw_everywhere()
        self.say(f"drawn on {number} more; press Count all to count them anew")

    async def _count_again(self) -> None:
        self._show_all()
        if self.desk.photo is not None:
            await self._count(self.desk.photo)

    # -- weights, downloads

    def _weights(self) -> None:
        with ui.card().classes(CARD):
            _title("Weights")
            self.weights()

    @ui.refreshable_method
    def weights(self) -> None:
        """What to count with, and what is known of it."""
        offered = {each.name: each for each in self.studio.weights()}
        chosen = offered.get(self.desk.weights) or next(iter(offered.values()))
        titles = {name: each.title for name, each in offered.items()}
        ui.select(titles, value=chosen.name, on_change=self._set_weights).props(
            "dense outlined options-dense"
        ).classes("w-full").mark("weights")
        for fact in chosen.facts:
            _small(fact)
        if chosen.terms:
            _small(f"Terms: {chosen.terms}")

    def _set_weights(self, event: events.ValueChangeEventArguments[Any]) -> None:
        self.desk.session.weights = event.value
        self.weights.refresh()

    def _take_along(self) -> None:
        formats = downloads.written_formats()
        with ui.card().classes(CARD):
            _title("Take along")
            with ui.row().classes("w-full gap-2"):
                for text, icon, take in (
                    ("Picture", "image", self._take_picture),
                    ("Counts", "table_view", self._take_counts),
                    ("Zones", "grid_view", self._take_zones),
                ):
                    ui.button(text, icon=icon, on_click=take).props(QUIET)
            with ui.row().classes("w-full items-center no-wrap"):
                choice = ui.select(formats, value="csv", label="Points as").props("dense outlined")
                choice.classes("grow min-w-0").mark("format")
                ui.button(
                    "Points", icon="download", on_click=lambda: self._take_points(choice.value)
                ).props(QUIET)

    @said
    async def _take_picture(self) -> None:
        photo = self.desk.photo
        if photo is not None:
            _send(await self.studio.pictures.do(downloads.picture, photo))

    @said
    async def _take_counts(self) -> None:
        _send(downloads.counts_table(self.desk.session.photos))

    @said
    async def _take_zones(self) -> None:
        _send(downloads.zones_table(self.desk.session.photos))

    @said
    async def _take_points(self, format: Any) -> None:
        _send(downloads.points_file(self.desk.session.photos, format))

    # -- training

    @ui.refreshable_method
    def training(self) -> None:
        """What is corrected, and what training on it came to."""
        session = self.desk.session
        with ui.card().classes(CARD):
            _title("Train on my corrections")
            number = len(session.corrections)
            _small(f"{number} corrected photo{'s' * (number != 1)}, kept on this machine")
            training = session.training
            if training is not None and not training.is_over:
                self.standing()
                return
            name = ui.input("Name of the new weights", value=free_name(self.desk.weights))
            name.props("dense").classes("w-full").mark("new-name")
            ui.button(
                "Train", icon="model_training", on_click=lambda: self._train(name.value)
            ).props("no-caps").mark("train").set_enabled(number > 0)
            if training is not None:
                self._outcome(training)

    @ui.refreshable_method
    def standing(self) -> None:
        """How far the training is."""
        training = self.desk.session.training
        if training is None:
            return
        ui.linear_progress(training.share, show_value=False).mark("share")
        done, epochs = len(training.records), training.epochs
        _small(f"{done} of {epochs} rounds done" if epochs else "waiting, or looking at the photos")
        _training_curve(training)
        ui.button("Stop", on_click=training.stop).props(QUIET).mark("stop")

    def _outcome(self, training: Training) -> None:
        for line in training.said:
            ui.label(line).classes("text-sm break-words").mark("outcome")
        _training_curve(training)
        result = training.result
        if result is None or not result.name:
            return
        for held in result.held_out:
            after = "" if held.after is None else f", now {held.after:.0f}"
            _small(f"{held.image}: {held.actual:.0f}, counted {held.before:.0f} before{after}")
        ui.button(f"Count with {result.name}", on_click=lambda: self._use(result.name)).props(
            "no-caps outline"
        ).mark("use")

    @said
    async def _train(self, name: str) -> None:
        work = asyncio.ensure_future(self.desk.train(name))
        await asyncio.sleep(0)  # refused at once, or begun
        self.training.refresh()
        await work

    def _look_at_training(self) -> None:
        """Show how far it is, and once what came of it: also of one begun before this page."""
        training = self.desk.session.training
        if training is None or training is self.shown_outcome:
            return
        if training.is_over:
            self.shown_outcome = training
            self.training.refresh()
            self.weights.refresh()
        else:
            self.standing.refresh()

    @said
    async def _use(self, name: str) -> None:
        self.desk.session.weights = name
        self.weights.refresh()
        if self.desk.photo is not None:
            await self._count(self.desk.photo)

    # -- all of it

    @contextmanager
    def _working(self, what: str) -> Iterator[None]:
        """Say what is going on while it does."""
        with self.client:
            note = ui.notification(what, spinner=True, timeout=None, type="ongoing")
        try:
            yield
        finally:
            note.dismiss()

    def _show_all(self) -> None:
        for part in (self.strip, self.stage, self.drawn, self.training):
            part.refresh()


def _title(text: str) -> None:
    ui.label(text).classes("text-base font-semibold")


def _small(text: str) -> None:
    ui.label(text).classes("text-xs text-gray-500 whitespace-pre-line break-words")


def _send(download: downloads.Download) -> None:
    ui.download.content(download.content, download.name)


def _training_curve(training: Training) -> None:
    epochs, lines = training.curve
    if len(epochs) > 1:
        _curve("rounds", epochs, lines)


def _curve(across: str, x: list[Any], lines: dict[str, list[Any]]) -> None:
    """A small chart of one or more lines."""
    series = [
        {"name": name, "type": "line", "data": list(zip(x, values, strict=True))}
        for name, values in lines.items()
    ]
    ui.echart(
        {
            "animation": False,
            "grid": {"left": 40, "right": 16, "top": 36, "bottom": 40},
            "legend": {"top": 0},
            "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "value", "name": across, "nameLocation": "middle", "nameGap": 24},
            "yAxis": {"type": "value", "scale": True},
            "series": series,
        }
    ).classes("w-full h-48").mark("curve")
