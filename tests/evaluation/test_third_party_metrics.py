"""Metrics of a third party, known to nobody before they are registered."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from crowdkit_core import register
from crowdkit_core.density import Fixed
from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.evaluation import evaluate, format_report, report_dict, write_image_csv
from crowdkit_core.grid import GridRun, Outcome
from crowdkit_core.grid.tables import columns
from crowdkit_core.interfaces import MapMetric, Metric, PointMetric
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.settings import ComponentSettings, Recipe
from crowdkit_core.testing import check_metric

MCNN = ComponentSettings(name="mcnn")


class Overlap(MapMetric):
    """Persons that both maps have in the same place."""

    title = "shared persons"
    digits = 1
    note = "of both maps"

    def by_image(self, predicted, target, roi):
        return (torch.minimum(predicted, target) * roi[:, None]).sum((1, 2, 3))


class NearestHead(PointMetric):
    """Mean distance of found points to their nearest head."""

    title = "nearest"
    digits = 2
    higher_is_better = False

    def over_images(self, found, heads):
        near = [torch.cdist(f.xy, h).amin(1) for f, h in zip(found, heads, strict=True) if len(h)]
        distance = torch.cat(near) if near else torch.zeros(0)
        return {"all": {"mean, px": distance.mean().item(), "points": float(len(distance))}}


@pytest.fixture
def registered():
    with register("metric", "overlap", Overlap), register("metric", "nearest", NearestHead):
        yield


@pytest.fixture
def report(registered, red_pixels, three_images):
    return evaluate(
        red_pixels(),
        three_images,
        metrics=["overlap", "nearest", "ssim"],
        density_generator=Fixed(sigma=2.0),
        localizer=LocalMaxima(),
    )


def test_they_keep_the_contract():
    check_metric(Overlap())
    check_metric(NearestHead())


def test_a_report_has_the_mean_over_images_with_an_interval(report):
    each = [image.quality["overlap"] for image in report.images]
    assert 0 < each[0] < 1  # two are seen where one is
    assert each[2] == 0  # nobody is seen, nobody is there
    assert report.quality["overlap"].value == pytest.approx(np.mean(each))
    assert report.quality["overlap"].low <= np.mean(each) <= report.quality["overlap"].high


def test_a_report_has_the_numbers_of_points_over_all_images(report):
    """Points are the centres of cells of four pixels; nobody is found in the third image."""
    first = cdist([(2, 2), (30, 18)], [(1.5, 1.5)]).min(1)
    second = cdist([(6, 6)], [(5.5, 5.5), (14, 3), (20, 15)]).min(1)
    numbers = report.point_scores["nearest"]["all"]
    assert numbers["points"] == 3
    assert numbers["mean, px"] == pytest.approx(np.mean([*first, *second]), abs=1.0)


def test_text_has_title_digits_and_note(report):
    lines = [line.split() for line in format_report(report).splitlines()]
    value = f"{report.quality['overlap'].value:.1f}"
    assert ["shared", "persons", value] in [line[:3] for line in lines]
    assert "shared persons: of both maps" in format_report(report)
    distance = f"{report.point_scores['nearest']['all']['mean, px']:.2f}"
    assert ["all", distance, "3.00"] in lines
    assert ["nearest", "mean,", "px", "points"] in lines


def test_json_has_numbers_and_what_they_are(report):
    document = report_dict(report)
    assert document["quality"]["overlap"]["value"] == report.quality["overlap"].value
    assert document["point_scores"]["nearest"]["all"]["points"] == 3
    assert document["metrics"]["overlap"] == {
        "title": "shared persons",
        "digits": 1,
        "higher_is_better": True,
        "note": "of both maps",
    }
    assert document["metrics"]["nearest"]["higher_is_better"] is False
    assert list(document["metrics"]) == ["overlap", "nearest", "ssim"]
    assert document["images"][2]["overlap"] == 0


def test_an_object_needs_no_name(red_pixels, three_images):
    report = evaluate(
        red_pixels(), three_images, metrics=[Overlap()], density_generator=Fixed(sigma=2.0)
    )
    assert list(report.quality) == ["Overlap"]


@pytest.mark.usefixtures("registered")
def test_errors_name_them(red_pixels, three_images):
    with pytest.raises(UsageError, match=r"'overlap' compares[\s\S]*--density-generator"):
        evaluate(red_pixels(), three_images, metrics=["overlap"])
    with pytest.raises(UsageError, match=r"'nearest' ranks found points[\s\S]*--localizer"):
        evaluate(red_pixels(), three_images, metrics=["nearest"])
    with pytest.raises(UsageError, match=r"'overlop'; did you mean 'overlap'"):
        evaluate(red_pixels(), three_images, metrics=["overlop"])


def test_no_metric_takes_a_column_that_tables_have_anyway(red_pixels, three_images, tmp_path):
    report = evaluate(red_pixels(), three_images)
    write_image_csv(report.images, tmp_path / "images.csv")
    of_images = (tmp_path / "images.csv").read_text().splitlines()[0].split(",")
    run = GridRun(labels=(), replicate="", folder=tmp_path, recipe=Recipe(counter=MCNN))
    for name in {*of_images, "group", *columns(Outcome(run=run))} - {"count double"}:
        with (
            register("metric", name, Overlap),
            pytest.raises(UsageError, match=f"'{name}' has the name of a column"),
        ):
            evaluate(red_pixels(), three_images, metrics=[name])


def test_a_metric_of_another_form_is_refused(red_pixels, three_images):
    class Summed(Overlap):
        def by_image(self, predicted, target, roi):
            return super().by_image(predicted, target, roi).sum()

    class Neither(Metric):
        title = "neither"

    parts = {"density_generator": Fixed(sigma=2.0)}
    with pytest.raises(ShapeError, match=r"'Summed' gives shape \(\) for one image"):
        evaluate(red_pixels(), three_images, metrics=[Summed()], **parts)
    with pytest.raises(UsageError, match="'Neither' is neither a MapMetric nor a PointMetric"):
        evaluate(red_pixels(), three_images, metrics=[Neither()], **parts)
