"""Read the scores that a grid's tables show from the reports of its runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crowdkit_core.grid.folder import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A number of each run.

    Attributes:
        column: Its name in ``runs.csv``.
        title: Its heading in ``table.md``.
        digits: Decimals there.
        path: The keys that lead to it in a report, as `evaluation.report_dict` gives it.
    """

    column: str
    title: str
    digits: int = 2
    path: tuple[str, ...]

    def of(self, outcome: Outcome) -> Mapping[str, float | None]:
        """``value``, with ``low`` and ``high`` where there is an interval; empty if unknown."""
        found: Any = outcome.report or {}
        for key in self.path:
            found = found.get(key, {})
        return found if isinstance(found, Mapping) else {"value": found}


COUNT_SCORES = (
    Score(column="mae", title="MAE", path=("scores", "count", "mae")),
    Score(column="rmse", title="RMSE", path=("scores", "count", "rmse")),
)


def further_scores(outcomes: Sequence[Outcome], counts: Iterable[str]) -> tuple[Score, ...]:
    """The scores beside those of the count: of alternative counts, then of further metrics."""
    return (*(score for name in counts for score in _of_count(name)), *metric_scores(outcomes))


def _of_count(name: str) -> Iterator[Score]:
    for score in COUNT_SCORES:
        keys = ("scores", name, *score.path[2:])
        yield Score(column=f"{score.column}_{name}", title=f"{score.title}, {name}", path=keys)


def metric_scores(outcomes: Iterable[Outcome]) -> tuple[Score, ...]:
    """The scores of a grid's further metrics; none before its first run is finished.

    Of a map metric that is its mean over images, of a point metric the first column of each row.
    """
    reports = (each.report for each in outcomes if each.report is not None)
    return tuple(_metric_scores(next(reports, {"metrics": {}})))


def _metric_scores(report: Mapping[str, Any]) -> Iterator[Score]:
    for name, about in report["metrics"].items():
        title, digits = about["title"], about["digits"]
        if name in report["quality"]:
            yield Score(column=name, title=title, digits=digits, path=("quality", name))
        for row, numbers in report["point_scores"].get(name, {}).items():
            yield Score(
                column=f"{name}_{row}".replace(" ", ""),
                title=f"{title}, {row}",
                digits=digits,
                path=("point_scores", name, row, next(iter(numbers))),
            )
