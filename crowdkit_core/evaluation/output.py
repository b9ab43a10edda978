"""Write a report as text, JSON, and a table of images."""

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crowdkit_core.evaluation.asked_metrics import PointScores, map_metrics, point_metrics
from crowdkit_core.evaluation.bootstrap import Estimate
from crowdkit_core.evaluation.image_result import GAME_LEVELS, ImageResult
from crowdkit_core.evaluation.matching_radii import radius_label
from crowdkit_core.evaluation.protocols import ProtocolScores
from crowdkit_core.evaluation.report import Report
from crowdkit_core.evaluation.scores import GroupMeans, RangeScores, Scores
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.counted import differ, points_found
from crowdkit_core.interfaces import Metric
from crowdkit_core.jsonable import jsonable
from crowdkit_core.listeners.progress import FEW_IMAGES
from crowdkit_core.metrics import LocalizationScores
from crowdkit_core.tables import table


def format_report(report: Report) -> str:
    """A report as text for a terminal: values with their 95 % intervals."""
    total = report.scores["count"]
    lines = [
        f"{report.counter} on {report.dataset} ({report.split}): "
        f"{total.images} image{'s' * (total.images != 1)}, {total.people} people",
        *(f"{name}: {fact}" for name, fact in report.stamp.items()),
        "",
        table([_row(name, each) for name, each in report.scores.items()], _header("")),
        'brackets: 95 % bootstrap intervals; RMSE is what papers print as "MSE"',
    ]
    if total.images < FEW_IMAGES:
        lines.append(
            f"only {total.images} image{'s' * (total.images > 1)}: on others like them errors may "
            "be far off, beyond these intervals"
        )
    if total.images_without_people:
        lines.append(f"images without people, left out of NAE: {total.images_without_people}")
    if report.from_density:
        lines.append(
            f"counted by the density map inside their region, which {report.counter}'s own count "
            f"cannot be restricted to: {report.from_density} of {total.images} images"
        )
    if report.baseline_mae is not None:
        lines.append(f"MAE of predicting the training mean: {report.baseline_mae:.2f}")
    for name, parts in report.by_range.items():
        rows = [_row(_range_label(part), part.scores) for part in parts]
        lines += ["", table(rows, _header("people" if name == "count" else f"people ({name})"))]
    for name, groups in report.by_group.items():
        rows = [_row(part.group, part.scores) for part in groups]
        rows.append(_means_row(report.group_means[name]))
        lines += ["", table(rows, _header("group" if name == "count" else f"group ({name})"))]
    if total.game:
        rows = [[f"GAME({level})", _estimate(each, 2)] for level, each in enumerate(total.game)]
        lines += ["", table(rows, ["by region", "error"])]
    if report.protocol is not None:
        lines += ["", *_protocol_lines(report.protocol), *_points_apart(report)]
    elif report.localization:
        rows = [
            [radius_label(radius), f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}"]
            for radius, each in report.localization.items()
        ]
        lines += ["", table(rows, ["matched within", "precision", "recall", "F1"])]
        lines += _points_apart(report)
    for name, metric in point_metrics(report.metrics).items():
        lines += ["", *_point_lines(metric, report.point_scores[name])]
    if report.quality:
        lines += ["", *_quality_lines(report)]
    return "\n".join(lines)


def report_dict(report: Report, *, images: bool = True) -> dict[str, Any]:
    """A report as plain values for JSON; undefined numbers become None."""
    document = asdict(report)
    document["localization"] = [
        {"radius": radius, **_localization_dict(each)}
        for radius, each in report.localization.items()
    ]
    document["metrics"] = {each.registered_name: _about(each) for each in report.metrics}
    del document["images"]
    if images:
        document["images"] = [_image_dict(image) for image in report.images]
    return {name: jsonable(value) for name, value in document.items()}


def write_report(report: Report, path: str | Path) -> None:
    """Write a report with its images as JSON."""
    with atomic_write(path) as temporary:
        text = json.dumps(report_dict(report), indent=2, ensure_ascii=False) + "\n"
        # Names that are no UTF-8 become JSON's own escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_image_csv(images: Iterable[ImageResult], path: str | Path) -> None:
    """Write one line per image: counts, error, GAME, alternative counts, localization, maps."""
    rows = [_image_dict(image) for image in images]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _image_dict(image: ImageResult) -> dict[str, Any]:
    localization = {
        f"{name} within {radius_label(radius)}": value
        for radius, each in image.localization.items()
        for name, value in (("matched", each.matched), ("points", each.predicted))
    }
    return {
        "name": image.name,
        **({"group": image.group} if image.group else {}),
        "actual": image.actual,
        "predicted": image.predicted,
        "error": image.error,
        **{f"game{level}": value for level, value in zip(GAME_LEVELS, image.game, strict=False)},
        **{f"count {name}": value for name, value in image.counts.items()},
        **localization,
        **image.quality,
    }


def _points_apart(report: Report) -> list[str]:
    """The number of points beside the count, where they are another number."""
    found = sum(
        next(iter(image.localization.values())).predicted
        for image in report.images
        if image.localization
    )
    count = sum(image.predicted for image in report.images)
    return [f"{points_found(found)}, {count:.0f} people counted"] if differ(count, found) else []


def _localization_dict(scores: LocalizationScores) -> dict[str, float]:
    return {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}


def _about(metric: Metric) -> dict[str, Any]:
    """Title, digits, direction and note of a metric, for readers of its numbers."""
    return {
        "title": metric.title,
        "digits": metric.digits,
        "higher_is_better": metric.higher_is_better,
        "note": metric.note,
    }


def _point_lines(metric: Metric, scores: PointScores) -> list[str]:
    rows = [
        [name, *(_number(value, metric.digits) for value in row.values())]
        for name, row in scores.items()
    ]
    columns = next(iter(scores.values()), {})
    return [table(rows, [metric.title, *columns]), *_notes(metric)]


def _quality_lines(report: Report) -> list[str]:
    metrics = map_metrics(report.metrics)
    rows = [
        [metric.title, _estimate(report.quality[name], metric.digits)]
        for name, metric in metrics.items()
    ]
    lines = [
        table(rows, ["density map", "mean over images"]),
        f"maps of stride {report.map_stride}, brought to full resolution, against those of "
        f"{report.map_target}",
    ]
    for name, metric in metrics.items():
        lines += _notes(metric)
        undefined = sum(not math.isfinite(image.quality[name]) for image in report.images)
        if undefined:
            lines.append(f"images left out of {metric.title}, not finite there: {undefined}")
    return lines


def _protocol_lines(scores: ProtocolScores) -> list[str]:
    rows = [
        [name, *(_estimate(value, 3) for value in row.values())]
        for name, row in scores.table.items()
    ]
    columns = next(iter(scores.table.values()))
    return [table(rows, [f"{scores.title} protocol", *columns]), scores.note]


def _notes(metric: Metric) -> list[str]:
    return [f"{metric.title}: {metric.note}"] if metric.note else []


def _header(first: str) -> list[str]:
    return [first, "images", "MAE", "RMSE", "NAE"]


def _row(name: str, scores: Scores) -> list[str]:
    errors = [_estimate(scores.mae, 2), _estimate(scores.rmse, 2), _estimate(scores.nae, 3)]
    return [name, str(scores.images), *errors]


def _means_row(means: GroupMeans) -> list[str]:
    errors = [_estimate(means.mae, 2), _estimate(means.rmse, 2), "-"]
    return [f"mean of {means.groups}", "-", *errors]


def _estimate(estimate: Estimate, digits: int) -> str:
    if math.isnan(estimate.value):
        return "-"
    value, low, high = (
        _number(each, digits) for each in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _range_label(part: RangeScores) -> str:
    if part.high is None:
        return f"{part.low} or more"
    return str(part.low) if part.low == part.high else f"{part.low}-{part.high}"
