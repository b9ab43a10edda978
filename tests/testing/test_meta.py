"""The conformance kit is fed broken components: the right check must fire, and only for them."""

import dataclasses

import pytest
import tomli_w
import torch
from torch import nn

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.files import sha256_of
from crowdkit_core.interfaces import (
    LocalizedPoints,
    Localizer,
    Loss,
    LossTerms,
    MapMetric,
    MapSpec,
    Metric,
    PointMetric,
    Prediction,
    StagePlan,
    proposals_of,
)
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.losses import L1, MSE
from crowdkit_core.metrics import SSIM, RankedPrecision
from crowdkit_core.testing import (
    ConformanceError,
    check_counter,
    check_dataset,
    check_density_generator,
    check_localizer,
    check_loss,
    check_metric,
    check_trainer,
    check_weights,
    parametrize_with_checks,
)
from crowdkit_core.testing.toys import ToyCounter, ToyDataset, ToyPointCounter
from crowdkit_core.training import Supervised
from crowdkit_core.weights import save_weights


def fired(check, component):
    """Names of the checks that a broken component fails."""
    with pytest.raises(ConformanceError) as failure:
        check(component)
    lines = str(failure.value).splitlines()[1:]
    return {line[2:].split(":")[0] for line in lines if line.startswith("- ")}


# --- density generators ---


class LosesMassAtBorders(Fixed):
    """Cuts the Gaussian at the frame and does not give its mass back."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        margin = 8 * stride
        large = (size[0] + 2 * margin, size[1] + 2 * margin)
        shifted = [p + margin for p in points]
        density = super().forward(shifted, large, stride=stride)
        rows, columns = -(-size[0] // stride), -(-size[1] // stride)
        return density[..., 8 : 8 + rows, 8 : 8 + columns]


class FlipsByPixelCentres(Fixed):
    """Reads points as if pixel centres were integers."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        limit = torch.tensor([size[1], size[0]]).float()
        moved = [(p + 0.5).clamp(max=limit) for p in points]
        return super().forward(moved, size, stride=stride)


class InventsPeople(Fixed):
    """Adds a little density everywhere."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        return super().forward(points, size, stride=stride) + 1e-3


class MixesImages(Fixed):
    """Averages the maps of a batch."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        density = super().forward(points, size, stride=stride)
        return density.mean(0, keepdim=True).expand_as(density)


class ForgetsAParameter(Fixed):
    """Has a weight that nothing depends on."""

    preserves_count = False

    def __init__(self, *, sigma: float = 4.0) -> None:
        super().__init__(sigma=sigma)
        self.gain = nn.Parameter(torch.ones(1))
        self.forgotten = nn.Parameter(torch.ones(1))

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        return super().forward(points, size, stride=stride) * self.gain


class NeedsFit(Fixed):
    """Does not know its width before it has seen a training set."""

    def __init__(self) -> None:
        super().__init__(sigma=4.0)
        self.register_buffer("people", torch.tensor(float("nan")))

    def fit(self, dataset):
        counts = [len(dataset.annotation(index).points) for index in range(len(dataset))]
        self.people.fill_(sum(counts))

    def sigmas(self, points, size):
        assert not self.people.isnan(), "not fitted"
        return torch.full((len(points),), float(self.people) / 4)


class HidesItsFit(NeedsFit):
    """Keeps what it was fitted to outside the state_dict."""

    def __init__(self) -> None:
        super().__init__()
        del self.people
        self.people = torch.tensor(float("nan"))


@pytest.mark.parametrize(
    ("generator", "check"),
    [
        (LosesMassAtBorders(sigma=4.0), "sums_equal_the_number_of_points"),
        (FlipsByPixelCentres(sigma=4.0), "flips_commute"),
        (InventsPeople(sigma=4.0), "zero_points_give_zeros"),
        (MixesImages(sigma=4.0), "images_do_not_see_each_other"),
        (ForgetsAParameter(), "every_parameter_gets_a_gradient"),
        (HidesItsFit(), "state_dict_round_trip"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_broken_density_generators_are_caught(generator, check):
    assert check in fired(check_density_generator, generator)


def test_a_sound_density_generator_passes():
    check_density_generator(Fixed(sigma=4.0))


def test_a_density_generator_that_needs_fit_passes_and_stays_as_it_was():
    generator = NeedsFit()
    check_density_generator(generator)
    assert generator.people.isnan()


# --- counters ---


class WithBatchStatistics(ToyCounter):
    """Subtracts the mean of the batch."""

    def forward(self, images):
        return super().forward(images - images.mean(dim=0, keepdim=True))


class ScalesItsMap(ToyCounter):
    """Gives a map times 100."""

    def forward(self, images):
        prediction = super().forward(images)
        return dataclasses.replace(prediction, density=100 * prediction.density)


class ForgetsAMap(ToyCounter):
    """Declares an attention map and gives none."""

    def forward(self, images):
        prediction = super().forward(images)
        maps = {name: m for name, m in prediction.maps.items() if name != "attention"}
        return dataclasses.replace(prediction, maps=maps)


class WrongStride(ToyCounter):
    """Declares stride 8, predicts at 4."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {**self.outputs, "density": MapSpec("density", 8)}


class MiscountsItsBins(ToyCounter):
    """Names fewer bins than its map has channels."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {**self.outputs, "bins": MapSpec("bins", 4, channels=3, bins=(1, 2))}


class ShufflesItsBins(ToyCounter):
    """Bins that do not ascend."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {**self.outputs, "bins": MapSpec("bins", 4, channels=3, bins=(1, 4, 2))}


class ClaimsALittleField(ToyCounter):
    """Declares a receptive field smaller than it is."""

    receptive_field = 0


class WritesIntoItsInput(ToyCounter):
    """Normalises in place."""

    def forward(self, images):
        return super().forward(images.mul_(0.5))


class HidesState(ToyCounter):
    """Keeps a learned number outside the state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = 1.0

    def load_state_dict(self, state, strict=True, assign=False):
        self.gain += 1.0
        return super().load_state_dict(state, strict=strict, assign=assign)

    def forward(self, images):
        return super().forward(images * self.gain)


class HidesOptions(ToyCounter):
    """Takes options nobody can list."""

    def __init__(self, **options: int) -> None:
        super().__init__(**options)


class Noisy(ToyCounter):
    """Drops features in evaluation mode too."""

    def forward(self, images):
        return super().forward(images * torch.rand_like(images))


class CrashesOnOddSizes(ToyCounter):
    """Wants multiples of 4."""

    def forward(self, images):
        images.reshape(*images.shape[:2], images.shape[2] // 4, 4, images.shape[3] // 4, 4)
        return super().forward(images)


@pytest.mark.parametrize(
    ("counter", "check"),
    [
        (WithBatchStatistics, "images_do_not_see_each_other"),
        (ScalesItsMap, "count_is_the_sum_of_the_density"),
        (ForgetsAMap, "maps_have_the_declared_shape"),
        (WrongStride, "maps_have_the_declared_shape"),
        (MiscountsItsBins, "outputs_are_declared"),
        (ShufflesItsBins, "outputs_are_declared"),
        (ClaimsALittleField, "nothing_beyond_the_receptive_field_matters"),
        (ClaimsALittleField, "tiled_equals_whole"),
        (WritesIntoItsInput, "images_are_left_unchanged"),
        (HidesState, "state_dict_round_trip"),
        (HidesOptions, "options_are_typed"),
        (Noisy, "same_image_same_bits"),
        (CrashesOnOddSizes, "small_and_odd_images_work"),
    ],
)
def test_broken_counters_are_caught(counter, check):
    torch.manual_seed(0)
    assert check in fired(check_counter, counter())


@pytest.mark.parametrize("counter", [ToyCounter, ToyPointCounter])
def test_a_sound_counter_passes(counter):
    torch.manual_seed(0)
    check_counter(counter())


def with_offsets(**changes):
    """What goes wrong in saying what a map of offsets is."""
    counter = ToyPointCounter()
    offsets = dataclasses.replace(counter.outputs["offsets"], **changes)
    counter.outputs = {**counter.outputs, "offsets": offsets}
    return counter


class ClampsNothing(ToyPointCounter):
    """Leaves points where the offsets took them."""

    def read_maps(self, maps, size):
        far = {**maps, "offsets": maps["offsets"] + 1000.0}
        prediction = super().read_maps(far, size)
        points = [LocalizedPoints(p.xy + 1.0, p.score) for p in prediction.points]
        return dataclasses.replace(prediction, points=points)


class ShufflesItsPoints(ToyPointCounter):
    """Worst first."""

    def read_maps(self, maps, size):
        prediction = super().read_maps(maps, size)
        points = [LocalizedPoints(p.xy.flip(0), p.score.flip(0)) for p in prediction.points]
        return dataclasses.replace(prediction, points=points)


class CountsItsPadding(ToyPointCounter):
    """Counts proposals wherever they are, and lists those in the frame."""

    def read_maps(self, maps, size):
        prediction = super().read_maps(maps, size)
        everywhere = maps["proposals"].new_ones(len(prediction.count)).cumsum(0)
        return dataclasses.replace(prediction, count=prediction.count + everywhere)


class ForgetsPointsOfTiles(ToyPointCounter):
    """Finds points in whole images alone."""

    def read_maps(self, maps, size):
        return dataclasses.replace(super().read_maps(maps, size), points=None)

    def forward(self, images):
        prediction = super().forward(images)
        size = (images.shape[-2], images.shape[-1])
        points = ToyPointCounter.read_maps(self, prediction.maps, size).points
        return dataclasses.replace(prediction, points=points)


class ProposesAllOver(ToyPointCounter):
    """Declares a receptive field smaller than that of its proposals."""

    receptive_field = 0


@pytest.mark.parametrize(
    ("counter", "check"),
    [
        (lambda: with_offsets(references=()), "outputs_are_declared"),
        (lambda: with_offsets(references=((1.0, 2.0),)), "outputs_are_declared"),
        (lambda: with_offsets(references=((1.0, 2.0), (4.0, 2.0))), "outputs_are_declared"),
        (lambda: with_offsets(scored_by="nothing"), "outputs_are_declared"),
        (lambda: with_offsets(scored_by="offsets"), "outputs_are_declared"),
        (lambda: with_offsets(kind="attention"), "outputs_are_declared"),
        (ClampsNothing, "points_it_finds_are_in_the_image"),
        (ShufflesItsPoints, "points_it_finds_are_in_the_image"),
        (CountsItsPadding, "points_it_finds_are_in_the_image"),
        (ForgetsPointsOfTiles, "tiled_equals_whole"),
        (ProposesAllOver, "nothing_beyond_the_receptive_field_matters"),
        (ProposesAllOver, "tiled_equals_whole"),
    ],
)
def test_broken_point_predictors_are_caught(counter, check):
    torch.manual_seed(0)
    assert check in fired(check_counter, counter())


# --- losses ---


class SumsTheBatch(Loss):
    """Adds up the images instead of averaging."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = prediction.density - target.density(prediction.stride)
        return LossTerms.of(error=error.square().sum())


class IgnoresTheRegion(Loss):
    """Compares everywhere."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = prediction.density - target.density(prediction.stride)
        return LossTerms.of(error=error.square().mean())


class DividesByTheCount(Loss):
    """Relative error: infinite without people."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = (prediction.density.flatten(1).sum(1) - target.count).abs() / target.count
        return LossTerms.of(error=error.mean())


class SeesThePadding(Loss):
    """Averages over the cells of the padded batch."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = prediction.density - target.density(prediction.stride)
        shares = target.shares(prediction.stride)
        inside = error if shares is None else error * shares
        return LossTerms.of(error=inside.square().mean())


class HalvesTheGradient(MSE):
    """Right value, wrong slope."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = super().forward(prediction, target).total
        return LossTerms.of(error=(error + error.detach()) / 2)


class SaysItHalvesTheGradient(HalvesTheGradient):
    """Not its value's derivative, and no secret."""

    gradient_is_derivative = False


class Detached(Loss):
    """Nothing to learn from."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = prediction.density.detach() - target.density(prediction.stride)
        return LossTerms.of(error=error.square().mean())


class PrefersLies(MSE):
    """Rewards error."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        return LossTerms.of(error=-super().forward(prediction, target).total)


class SharesTheBatch(Loss):
    """Divides by the people of the batch, and says so."""

    is_mean_of_images = False

    def forward(self, prediction: Prediction, target) -> LossTerms:
        error = prediction.density - target.density(prediction.stride)
        shares = target.shares(prediction.stride)
        inside = error if shares is None else error * shares
        return LossTerms.of(error=inside.square().sum() / target.count.sum().clamp_min(1))


class SaysNothingOfTheBatch(SharesTheBatch):
    """The same in secret."""

    is_mean_of_images = True


class SharesThePadding(SharesTheBatch):
    """Divides by the pixels of the padded batch."""

    def forward(self, prediction: Prediction, target) -> LossTerms:
        height, width = target.size
        total = super().forward(prediction, target).total
        return LossTerms.of(error=total / (height * width))


class ScoresEverywhere(Loss):
    """Wants nobody, outside the region too."""

    needs = ("offsets", "proposals")

    def forward(self, prediction: Prediction, target) -> LossTerms:
        scores = proposals_of(prediction.maps, prediction.outputs).scores
        return LossTerms.of(scores=scores.square().mean())


@pytest.mark.parametrize(
    ("loss", "check"),
    [
        (SaysNothingOfTheBatch, "batch_is_the_mean_of_its_images"),
        (SharesThePadding, "padding_changes_nothing"),
        (ScoresEverywhere, "only_proposals_in_the_region_count"),
        (SumsTheBatch, "batch_is_the_mean_of_its_images"),
        (IgnoresTheRegion, "only_the_region_counts"),
        (DividesByTheCount, "zero_people_are_fine"),
        (SeesThePadding, "padding_changes_nothing"),
        (HalvesTheGradient, "gradients_are_derivatives"),
        (Detached, "prediction_gets_a_gradient"),
        (PrefersLies, "truth_is_preferred"),
    ],
)
def test_broken_losses_are_caught(loss, check):
    assert check in fired(check_loss, loss())


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("loss", [MSE, L1])
def test_sound_losses_pass(loss, reduction):
    check_loss(loss(reduction=reduction))


def test_a_loss_may_divide_by_the_batch():
    check_loss(SharesTheBatch())


def test_a_loss_may_have_a_slope_of_its_own():
    check_loss(SaysItHalvesTheGradient())


class NeedsADepthMap(MSE):
    """Needs what the kit's own counter does not give."""

    needs = ("depth",)


def test_a_loss_with_unusual_needs_is_told_to_bring_a_counter():
    with pytest.raises(ConformanceError, match=r"give check_loss a counter that fits.*depth"):
        check_loss(NeedsADepthMap())


# --- localizers ---


class MapPixels(Localizer):
    """Gives cells instead of pixels."""

    def forward(self, prediction, size):
        found = LocalMaxima()(prediction, size)
        return [LocalizedPoints(f.xy / prediction.stride, f.score) for f in found]


class WorstFirst(Localizer):
    """Sorts the wrong way."""

    def forward(self, prediction, size):
        found = LocalMaxima()(prediction, size)
        return [LocalizedPoints(f.xy.flip(0), f.score.flip(0)) for f in found]


class SeesPeopleInTheVoid(Localizer):
    """Always finds the middle of the image."""

    def forward(self, prediction, size):
        middle = torch.tensor([[size[1] / 2, size[0] / 2]])
        return [LocalizedPoints(middle, torch.ones(1)) for _ in prediction.count]


@pytest.mark.parametrize(
    ("localizer", "check"),
    [
        (MapPixels, "isolated_people_are_found"),
        (WorstFirst, "points_have_their_form"),
        (SeesPeopleInTheVoid, "empty_maps_give_no_points"),
    ],
)
def test_broken_localizers_are_caught(localizer, check):
    assert check in fired(check_localizer, localizer())


# --- metrics ---


class WithoutATitle(SSIM):
    """Tables would have an empty cell."""

    title = ""


class OfNoKind(Metric):
    """Compares neither maps nor points."""

    title = "nothing"


class OneNumberForTheBatch(SSIM):
    """Averages over the images itself."""

    def by_image(self, predicted, target, roi):
        return super().by_image(predicted, target, roi).mean()


class TurnedAround(SSIM):
    """Says that less similar maps are better."""

    higher_is_better = False


class ScaledByTheBatch(MapMetric):
    """Divides each image's error by the largest of the batch."""

    title = "scaled"
    higher_is_better = False

    def by_image(self, predicted, target, roi):
        error = ((predicted - target).abs() * roi[:, None]).sum((1, 2, 3))
        return error / (target * roi[:, None]).sum((1, 2, 3)).max()


class ForgetsTheRegion(MapMetric):
    """Looks at the whole image."""

    title = "forgetful"
    higher_is_better = False

    def by_image(self, predicted, target, roi):
        return (predicted - target).abs().sum((1, 2, 3))


class RaggedRows(RankedPrecision):
    """Leaves a number out of the last row."""

    def over_images(self, found, heads):
        rows = dict(super().over_images(found, heads))
        return {**rows, "5 px": {"mAP": rows["5 px"]["mAP"]}}


class OfTheFirstImage(RankedPrecision):
    """Looks at one image instead of all."""

    def over_images(self, found, heads):
        return super().over_images(found[:1], heads[:1])


class OfFoundPointsAlone(PointMetric):
    """Cannot do without a point."""

    title = "alone"

    def over_images(self, found, heads):
        return {"all": {"score": max(each.score.max().item() for each in found)}}


@pytest.mark.parametrize(
    ("metric", "check"),
    [
        (WithoutATitle, "tables_can_show_it"),
        (OfNoKind, "tables_can_show_it"),
        (OneNumberForTheBatch, "numbers_have_their_form"),
        (RaggedRows, "numbers_have_their_form"),
        (OfFoundPointsAlone, "numbers_have_their_form"),
        (TurnedAround, "agreement_is_best"),
        (ScaledByTheBatch, "images_do_not_see_each_other"),
        (ForgetsTheRegion, "only_the_region_counts"),
        (OfTheFirstImage, "order_of_images_does_not_matter"),
    ],
)
def test_broken_metrics_are_caught(metric, check):
    assert check in fired(check_metric, metric())


@pytest.mark.parametrize("metric", [TurnedAround, ScaledByTheBatch, ForgetsTheRegion])
def test_a_metric_broken_in_one_thing_fires_one_check(metric):
    assert len(fired(check_metric, metric())) == 1


# --- datasets ---


class SwapsTheSize(ToyDataset):
    """Gives (W, H) in annotations."""

    def annotation(self, index):
        annotation = super().annotation(index)
        return dataclasses.replace(annotation, size=annotation.size[::-1])


class NeverEnds(ToyDataset):
    """Wraps around."""

    def __getitem__(self, index):
        return super().__getitem__(index % self.length)


class Restless(ToyDataset):
    """Another image at every reading."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        noise = torch.randint(0, 256, sample.image.shape, dtype=torch.uint8)
        return dataclasses.replace(sample, image=noise)


class OneNameForAll(ToyDataset):
    """Every image has the same name."""

    def annotation(self, index):
        return dataclasses.replace(super().annotation(index), name="image")


@pytest.mark.parametrize(
    ("dataset", "check"),
    [
        (SwapsTheSize, "annotation_and_sample_agree"),
        (NeverEnds, "indices_are_bounded"),
        (Restless, "same_index_same_bits"),
        (OneNameForAll, "names_are_unique"),
    ],
)
def test_broken_datasets_are_caught(dataset, check):
    assert check in fired(check_dataset, dataset())


def test_a_sound_dataset_passes():
    check_dataset(ToyDataset())


# --- trainers ---


class TwoStagesOfOneName(Supervised):
    """Lists its stage twice."""

    def stages(self, task):
        return [*super().stages(task)] * 2


class ForgetsAnOptimizer(Supervised):
    """Leaves the head without an optimizer."""

    def stages(self, task):
        (plan,) = super().stages(task)

        def build(finished):
            stage = plan.build(finished)
            known = stage.optimizations

            def without_the_head():
                optimizations = known()
                for optimization in optimizations.values():
                    for group in optimization.optimizer.param_groups:
                        group["params"] = group["params"][:-1]
                return optimizations

            stage.optimizations = without_the_head
            return stage

        return [
            StagePlan(name=plan.name, epochs=1, batch_size=plan.batch_size, build=build),
        ]


class ChoosesWhatItNeverTrained(Supervised):
    """Names a stage it does not have."""

    def chosen(self, errors):
        return "finetuned"


@pytest.mark.parametrize(
    ("trainer", "check"),
    [
        (ChoosesWhatItNeverTrained, "the_result_is_one_of_the_stages"),
        (TwoStagesOfOneName, "stages_are_named_once"),
        (ForgetsAnOptimizer, "every_trained_parameter_has_one_optimizer"),
    ],
)
def test_broken_trainers_are_caught(trainer, check):
    assert check in fired(check_trainer, trainer(epochs=1))


# --- weights ---


@pytest.fixture
def good(offer, card, weights, cache):
    """A package with sound weights: its folder, and their card as a table."""
    content = weights.read_bytes()
    table = card(content, terms="Be kind.")
    return offer("crowdkit-fake", table, files={"toy.safetensors": content}), table


def rewrite(folder, table, **changes):
    (folder / "toy.toml").write_text(tomli_w.dumps({**table, **changes}))


def another_hash(folder, table):
    rewrite(folder, table, sha256="0" * 64)


def no_file(folder, _):
    (folder / "toy.safetensors").unlink()


def of_another_counter(folder, table):
    rewrite(folder, table, counter="csrnet")


def of_no_counter(folder, table):
    rewrite(folder, table, counter="absent-counter")


def not_toml(folder, _):
    (folder / "toy.toml").write_text("name = ")


def gives_no_number(folder, table):
    all_weights_are(1e38, folder, table)


def holds_no_numbers(folder, table):
    all_weights_are(torch.nan, folder, table)


def all_weights_are(value, folder, table):
    counter, file = create("counter", "mcnn"), folder / "toy.safetensors"
    for parameter in counter.parameters():
        nn.init.constant_(parameter, value)
    save_weights(file, counter, component="mcnn")
    rewrite(folder, table, sha256=sha256_of(file), bytes=file.stat().st_size)


@pytest.mark.parametrize(
    ("damage", "check", "words"),
    [
        (not_toml, "is_read", "is not TOML"),
        (another_hash, "has_its_file", "expected 000000000000"),
        (no_file, "has_its_file", "toy.safetensors is not in the package"),
        (of_another_counter, "counter_loads_its_file", "belongs to 'mcnn'"),
        (of_no_counter, "counter_loads_its_file", "absent-counter"),
        (holds_no_numbers, "counter_loads_its_file", "NaN"),
        (gives_no_number, "counts_a_black_image", "count of inf"),
    ],
)
def test_broken_weights_are_caught(good, damage, check, words):
    damage(*good)
    with pytest.raises(ConformanceError) as failure:
        check_weights("crowdkit-fake")
    (line,) = str(failure.value).splitlines()
    assert line.startswith(f"toy: {check}: ")
    assert words in line


def test_broken_weights_do_not_hide_others(good, offer, card):
    folder, table = good
    rewrite(folder, {**table, "name": "sound"})
    (folder / "bad.toml").write_text("name = ")
    with pytest.raises(ConformanceError, match=r"\Abad: is_read: [^\n]*\Z"):
        check_weights("crowdkit-fake")


@pytest.mark.usefixtures("good")
def test_sound_weights_pass(capfd):
    assert check_weights("crowdkit-fake") == ["toy"]
    assert check_weights("crowdkit-core") == []
    assert capfd.readouterr().err == ""  # terms are for those who use them


# --- the runner ---


def test_an_explained_failure_is_accepted():
    check_counter(
        ClaimsALittleField(),
        expected_failed_checks={
            "nothing_beyond_the_receptive_field_matters": "declared for a smaller network",
            "tiled_equals_whole": "declared for a smaller network",
        },
    )


def test_an_explained_failure_that_no_longer_fails_is_reported():
    with pytest.raises(ConformanceError, match="passes, though expected to fail"):
        check_dataset(ToyDataset(), expected_failed_checks={"images_are_rgb": "was grey"})


def test_a_misspelt_check_is_an_error():
    with pytest.raises(ValueError, match="images_are_rbg"):
        check_dataset(ToyDataset(), expected_failed_checks={"images_are_rbg": "typo"})


@parametrize_with_checks([ToyDataset()])
def test_the_decorator_runs_every_check(component, check):
    check(component)
