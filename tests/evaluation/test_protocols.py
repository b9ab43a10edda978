"""Protocols of benchmarks: against hand-made cases and matchings found by trying all."""

import numpy as np
import pytest
import scipy.optimize
import torch

from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation import evaluate, format_report, report_dict
from crowdkit_core.evaluation.protocols import (
    PROTOCOLS,
    NWPUProtocol,
    QNRFProtocol,
    ShanghaiTechProtocol,
    asked_protocol,
    protocol_scores,
    shares,
)
from crowdkit_core.evaluation.protocols.nwpu import head_levels
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.metrics import LocalizationScores


def points(*xy):
    return torch.tensor(xy, dtype=torch.float64).reshape(-1, 2)


def boxes(*sides):
    width, height = torch.tensor(sides, dtype=torch.float64).reshape(-1, 2).T
    return {"head_width": width, "head_height": height}


def crowd(seed, people):
    """Found points near heads of a busy image, some of them missed and some invented."""
    rng = np.random.default_rng(seed)
    heads = rng.random((people, 2)) * 300
    found = np.concatenate([heads[::2] + rng.normal(0, 6, heads[::2].shape), rng.random((9, 2))])
    sides = np.exp(rng.uniform(0.5, 6, (people, 2)))
    return torch.from_numpy(found), torch.from_numpy(heads), boxes(*sides.tolist())


def table(protocol, *images):
    scores = protocol_scores(protocol, [protocol.sums(*image) for image in images])
    return {
        row: {name: estimate.value for name, estimate in values.items()}
        for row, values in scores.table.items()
    }


def assigned(found, heads, radius):
    near = np.linalg.norm(found[:, None] - heads[None], axis=2) <= radius
    row, column = scipy.optimize.linear_sum_assignment(near, maximize=True)
    return int(near[row, column].sum())


def test_shares_are_those_of_localization_scores():
    for matched, predicted, actual in [(0, 0, 0), (0, 3, 0), (0, 0, 3), (2, 3, 4), (3, 3, 3)]:
        scores = LocalizationScores(matched, predicted, actual)
        given = shares(*(torch.tensor(float(each)) for each in (matched, predicted, actual)))
        assert {name: value.item() for name, value in given.items()} == pytest.approx(
            {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
        )


def test_shanghaitech_pools_the_points_of_all_images():
    near = (points((0, 0), (50, 0)), points((0, 3), (50, 6), (90, 90)), {})
    nothing = (points(), points(), {})
    given = table(ShanghaiTechProtocol(), near, nothing)
    assert given["4 px"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 3, "F1": 2 / 5})
    assert given["8 px"] == pytest.approx({"precision": 1, "recall": 2 / 3, "F1": 4 / 5})


def test_levels_are_those_of_the_benchmark():
    sides = [(1, 1), (2, 5), (2, 6), (10, 10), (10, 11), (100, 10), (100, 1000), (400, 400)]
    assert head_levels(boxes(*sides)).tolist() == [0, 0, 1, 1, 2, 2, 4, 5]


def test_nwpu_by_hand():
    heads = points((10, 10), (40, 10), (70, 70))
    sides = boxes((6, 8), (3, 3), (60, 40))  # sigma_l 5, 2.12, 36.1; sigma_s 3, 1.5, 20
    found = points((14, 13), (40, 12), (70, 95), (5, 90))  # 5, 2 and 25 pixels away; far
    given = table(NWPUProtocol(), (found, heads, sides), (points((1, 1)), points(), {}))
    assert given["sigma_l"] == pytest.approx({"precision": 3 / 5, "recall": 1, "F1": 6 / 8})
    assert given["sigma_s"] == {"precision": 0, "recall": 0, "F1": 0}
    assert given["sigma_l, A1"]["recall"] == 1
    assert given["sigma_s, A3"]["recall"] == 0
    assert np.isnan(given["sigma_l, A2"]["recall"])
    assert np.isnan(given["sigma_l, A1"]["precision"])
    assert given["sigma_l, mean of A0 to A5"]["recall"] == 1


def test_nwpu_in_crowds_is_the_assignment_of_scipy():
    images = [crowd(seed, people=60) for seed in range(3)]
    given = table(NWPUProtocol(), *images)
    for name, radius in (("sigma_l", np.hypot), ("sigma_s", np.minimum)):
        matched = sum(
            assigned(found.numpy(), heads.numpy(), radius(*map(np.asarray, sides.values())) / 2)
            for found, heads, sides in images
        )
        assert given[name]["recall"] == pytest.approx(matched / 180)
        assert given[name]["precision"] == pytest.approx(matched / sum(len(f) for f, *_ in images))
        levels = torch.cat([head_levels(sides) for *_, sides in images]).bincount(minlength=6)
        hits = sum(
            number * given[f"{name}, A{level}"]["recall"]
            for level, number in enumerate(levels.tolist())
            if number
        )
        assert hits == pytest.approx(matched)


def test_qnrf_is_the_mean_over_a_hundred_radii():
    found, heads, _ = crowd(4, people=50)
    matched = [assigned(found.numpy(), heads.numpy(), radius) for radius in range(1, 101)]
    precision, recall = np.mean(matched) / len(found), np.mean(matched) / len(heads)
    given = table(QNRFProtocol(), (found, heads, {}))
    f1 = 2 * precision * recall / (precision + recall)
    expected = {"precision": precision, "recall": recall, "F1": f1}
    assert given["1 to 100 px"] == pytest.approx(expected)
    assert given["10 px"]["recall"] == pytest.approx(matched[9] / 50)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_perfect_points_have_everything_and_none_has_nothing(protocol):
    _, heads, sides = crowd(5, people=12)
    first = next(iter(table(protocol, (heads, heads, sides)).values()))
    assert set(first.values()) == {1.0}
    first = next(iter(table(protocol, (points(), heads, sides)).values()))
    assert set(first.values()) == {0.0}


def test_intervals_hold_the_value_and_vanish_where_all_images_are_alike():
    protocol = ShanghaiTechProtocol()
    images = [protocol.sums(*crowd(seed, people=30)) for seed in range(8)]
    f1 = protocol_scores(protocol, images).table["8 px"]["F1"]
    assert f1.low < f1.value < f1.high
    alike = protocol_scores(protocol, images[:1] * 8).table["8 px"]["F1"]
    assert alike.low == pytest.approx(alike.high)


def test_unknown_protocols_are_refused_with_a_near_name():
    with pytest.raises(UsageError, match="unknown") as refused:
        asked_protocol("nwpu-crowd")
    assert "nwpu" in str(refused.value)
    assert asked_protocol(None) is None


def test_an_evaluation_prints_the_protocol(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images, localizer=LocalMaxima(), protocol="shanghaitech")
    # Found: (2, 2) and (30, 18), cells of 4 pixels; (6, 6); none.
    within = report.protocol.table["4 px"]
    assert within["precision"].value == pytest.approx(2 / 3)
    assert within["recall"].value == pytest.approx(2 / 4)
    text = format_report(report)
    assert "ShanghaiTech protocol" in text
    assert "matched within" not in text
    assert report_dict(report)["protocol"]["table"]["4 px"]["F1"]["value"] == pytest.approx(4 / 7)


def test_what_a_protocol_needs_is_said_before_work_starts(red_pixels, three_images):
    with pytest.raises(UsageError, match="protocol 'nwpu' needs a box round each head"):
        evaluate(red_pixels(), three_images, localizer=LocalMaxima(), protocol="nwpu")
    with pytest.raises(UsageError, match="protocol 'qnrf' judges found points"):
        evaluate(red_pixels(), three_images, protocol="qnrf")
