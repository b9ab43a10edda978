"""The page of which parts go together."""

from collections.abc import Callable, Sequence

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import DensityGenerator, Loss, Target, TrainingTask
from crowdkit_core.losses import MSE
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from generate.components import anchor, counter_facts, made, names, refusal, usual_generator
from generate.interfaces import file_name
from generate.markdown import page, table

YES = "✓"


def matrix_page() -> str:
    """Counters, losses, density generators, trainers and localizers against each other."""
    return page(
        "# What goes together",
        "Whatever shows ✓ trains or works together, and the project's own tests do so with every"
        " two parts: one step of training on images with people and without; `make mixes` does so"
        " with every three, and sees the loss of small ones fall over twenty steps. Anything else"
        " is refused before the first step, with the names of both and the reason. The tables are"
        " made from what is installed, each part with its default options.",
        "## Losses on counters",
        _losses(),
        "## Density generators for counters",
        "A counter is trained with a target map for each of its density maps, at the same stride.",
        _generators(),
        "## What a loss looks at",
        _looks(),
        "## Trainers",
        _trainers(),
        "## Localizers on counters",
        _localizers(),
    )


def _losses() -> str:
    def reason(counter: str, loss: str) -> str:
        return _needs(f"loss `{loss}`", counter_facts(counter).missing["loss", loss])

    return _matrix("counter", "loss", reason)


def _localizers() -> str:
    def reason(counter: str, localizer: str) -> str:
        missing = counter_facts(counter).missing["localizer", localizer]
        return _needs(f"localizer `{localizer}`", missing)

    return _matrix("counter", "localizer", reason)


def _needs(part: str, missing: Sequence[str]) -> str:
    return f"{part} needs {' and '.join(missing)}" if missing else ""


def _generators() -> str:
    def reason(counter: str, generator: str) -> str:
        strides = made("density_generator", generator).strides
        if strides is None or set(counter_facts(counter).density_strides) <= strides:
            return ""
        return f"density generator `{generator}` makes strides {_listed(sorted(strides))} alone"

    def strides(counter: str) -> str:
        return _listed(counter_facts(counter).density_strides)

    facts = [
        (_link("density_generator", name), *_generator_facts(made("density_generator", name)))
        for name in names("density_generator")
    ]
    return page(
        table(("density generator", "strides", "sums to the count", "learns"), facts),
        _matrix("counter", "density_generator", reason, ("strides of its maps", strides)),
    ).rstrip()


def _generator_facts(generator: DensityGenerator) -> tuple[str, str, str]:
    return (
        "any" if generator.strides is None else _listed(sorted(generator.strides)),
        "exactly" if generator.preserves_count else "roughly",
        "yes" if any(each.requires_grad for each in generator.parameters()) else "",
    )


def _looks() -> str:
    header = ("loss", "maps of the counter", "target maps", "measured on whole images")
    return table(
        header, [(_link("loss", name), *_loss_facts(made("loss", name))) for name in names("loss")]
    )


def _loss_facts(loss: Loss) -> tuple[str, str, str]:
    """By a try on toys, as a loss declares its needs alone."""
    data, generator, counter = ToyDataset(size=(64, 64)), Fixed(), ToyCounter()
    loss.fit(data, generator)
    loss.start_epoch(0)
    batch = collate([data[3]])
    lengths = loss.measure(batch.points[0], batch.size)
    target = Target(batch.points, batch.size, generator, lengths=[lengths], images=batch.images)
    loss(counter(batch.images), target)
    needs = ", ".join(f"`{name}`" for name in loss.needs) or "none by name"
    return needs, "yes" if target.strides else "no: points alone", ", ".join(lengths)


def _trainers() -> str:
    def on_generators(trainer: str, generator: str) -> str:
        other = made("density_generator", generator)
        return refusal(made("trainer", trainer), ToyCounter(), other, MSE())

    def on_losses(trainer: str, loss: str) -> str:
        return _first_objective(trainer, made("loss", loss))

    def on_counters(trainer: str, counter: str) -> str:
        return counter_facts(counter).refused[trainer]

    return page(
        _matrix("trainer", "density_generator", on_generators),
        _matrix("trainer", "counter", on_counters),
        _matrix("trainer", "loss", on_losses),
    ).rstrip()


def _first_objective(trainer: str, loss: Loss) -> str:
    """Why the first objective is not computed; empty if it is."""
    data = ToyDataset()
    task = TrainingTask(
        counter=ToyCounter(),
        density_generator=create("density_generator", usual_generator(trainer)),
        loss=loss,
        train=data,
    )
    try:
        stage = made("trainer", trainer).stages(task)[0].build({})
        stage.density_generator.fit(data)
        stage.loss.fit(data, stage.density_generator)
        stage(collate([data[3]]))
    except IncompatibleError as error:
        return error.message
    return ""


def _matrix(
    row_kind: str,
    column_kind: str,
    reason: Callable[[str, str], str],
    fact: tuple[str, Callable[[str], str]] | None = None,
) -> str:
    """A tick where there is no reason against a pair, elsewhere the number of the reason below."""
    reasons: list[str] = []

    def cell(row: str, column: str) -> str:
        text = reason(row, column)
        if not text:
            return YES
        if text not in reasons:
            reasons.append(text)
        return f"({reasons.index(text) + 1})"

    columns = names(column_kind)
    rows = [
        (_link(row_kind, row), *([fact[1](row)] if fact else []), *(cell(row, c) for c in columns))
        for row in names(row_kind)
    ]
    header = (
        row_kind.replace("_", " "),
        *([fact[0]] if fact else []),
        *(_link(column_kind, column) for column in columns),
    )
    notes = "\n".join(f"{number}. {text}" for number, text in enumerate(reasons, start=1))
    return page(table(header, rows), notes).rstrip()


def _link(kind: str, name: str) -> str:
    return f"[{name}]({file_name(kind)}#{anchor(name)})"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
