"""A report as text, JSON, and a table of images."""

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crowdkit_core.evaluation.bootstrap import Estimate
from crowdkit_core.evaluation.image_result import GAME_LEVELS, ImageResult
from crowdkit_core.evaluation.reach import label
from crowdkit_core.evaluation.report import Report
from crowdkit_core.evaluation.scores import GroupMeans, RangeScores, Scores
from crowdkit_core.files import atomic_write
from crowdkit_core.metrics import BACKGROUND, AveragePrecision, LocalizationScores
from crowdkit_core.tables import table

SHOWN = (0.5, 0.75)
"""Affinities whose average precision and recall are shown beside the means."""


def format_report(report: Report) -> str:
    """A report as text for a terminal: values with their 95 % intervals."""
    total = report.scores["count"]
    lines = [
        f"{report.counter} on {report.dataset} ({report.split}): "
        f"{total.images} images, {total.people} people",
        *(f"{name}: {fact}" for name, fact in report.stamp.items()),
        "",
        table([_row(name, each) for name, each in report.scores.items()], _header("")),
        'brackets: 95 % bootstrap intervals; RMSE is what papers print as "MSE"',
    ]
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
    if report.localization:
        rows = [
            [label(reach), f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}"]
            for reach, each in report.localization.items()
        ]
        lines += ["", table(rows, ["matched within", "precision", "recall", "F1"])]
    if report.average_precision:
        lines += ["", _average_precision_table(report.average_precision)]
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
    document["average_precision"] = [
        {"sigma": sigma, **_average_precision_dict(each)}
        for sigma, each in report.average_precision.items()
    ]
    del document["images"]
    if images:
        document["images"] = [_image_dict(image) for image in report.images]
    return {name: _plain(value) for name, value in document.items()}


def write_report(report: Report, path: str | Path) -> None:
    """Write a report with its images as JSON."""
    with atomic_write(path) as temporary:
        temporary.write_text(
            json.dumps(report_dict(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def write_image_csv(images: Iterable[ImageResult], path: str | Path) -> None:
    """Write one line per image: counts, error, GAME, alternative counts, localization, maps."""
    rows = [_image_dict(image) for image in images]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _image_dict(image: ImageResult) -> dict[str, Any]:
    localization = {
        f"{name} within {label(reach)}": value
        for reach, each in image.localization.items()
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


def _localization_dict(scores: LocalizationScores) -> dict[str, float]:
    return {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}


def _average_precision_dict(each: AveragePrecision) -> dict[str, float]:
    return {
        **{f"ap{100 * threshold:.0f}": each.precision_at(threshold) for threshold in SHOWN},
        "mean_ap": each.mean_precision,
        **{f"ar{100 * threshold:.0f}": each.recall_at(threshold) for threshold in SHOWN},
        "mean_ar": each.mean_recall,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _average_precision_table(scores: Mapping[float, AveragePrecision]) -> str:
    rows = [
        [f"{sigma:g} px", *(f"{value:.3f}" for value in _average_precision_dict(each).values())]
        for sigma, each in scores.items()
    ]
    return table(rows, ["ranked, sigma", "AP.50", "AP.75", "mAP", "AR.50", "AR.75", "mAR"])


def _quality_lines(report: Report) -> list[str]:
    names = {"ssim": ("SSIM", 3), "psnr": ("PSNR (dB)", 2), "background": ("background", 4)}
    rows = [
        [names[name][0], _estimate(estimate, names[name][1])]
        for name, estimate in report.quality.items()
    ]
    lines = [
        table(rows, ["density map", "mean over images"]),
        f"maps of stride {report.map_stride}, brought to full resolution, against those of "
        f"{report.map_target}",
    ]
    if "background" in report.quality:
        lines.append(
            f"background: share of the predicted people where those are below {BACKGROUND:g}"
        )
    equal = sum(math.isinf(image.quality.get("psnr", 0)) for image in report.images)
    if equal:
        lines.append(f"images whose maps agree exactly, left out of PSNR: {equal}")
    return lines


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
        f"{each:.{digits}f}" for each in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def _range_label(part: RangeScores) -> str:
    if part.high is None:
        return f"{part.low} or more"
    return str(part.low) if part.low == part.high else f"{part.low}-{part.high}"
