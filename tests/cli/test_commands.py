"""What the commands do and print when all is well."""

import csv
import json

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from crowdkit_core import list_components, register
from crowdkit_core.density import Fixed
from crowdkit_core.inference import counted
from crowdkit_core.interfaces import Counter, LocalizedPoints, Localizer, MapSpec, Prediction
from crowdkit_core.testing.toys import ToyCounter
from crowdkit_core.visual import read_epochs, training_curve
from crowdkit_core.weights import save_weights


class Many(Counter):
    """A hundred people in every image."""

    size_multiple = 4
    receptive_field = 4

    def __init__(self):
        super().__init__()
        self.outputs = {"density": MapSpec("density", 4)}
        self.people = nn.Parameter(torch.tensor(100.0))

    def forward(self, images):
        cells = [-(-side // 4) for side in images.shape[-2:]]
        share = self.people / (cells[0] * cells[1])
        return Prediction.from_density(share.expand(len(images), 1, *cells), 4)


def saved(counter, folder):
    save_weights(folder / "many.safetensors", counter, component="many")
    return folder / "many.safetensors"


def width(picture):
    with Image.open(picture) as image:
        return image.width


def height(picture):
    with Image.open(picture) as image:
        return image.height


def test_list_shows_every_component(crowdkit):
    listed = {(each["kind"], each["name"]) for each in crowdkit("list", "--json").json}
    assert {("counter", "mcnn"), ("loss", "mse"), ("dataset", "folder")} <= listed
    assert "mcnn" in crowdkit("list", "counter").out
    assert "mse" not in crowdkit("list", "counter").out


def test_a_check_of_the_list_fails_where_a_component_is_broken(crowdkit, install):
    assert crowdkit("list", "--check").code == 0
    point = {"crowdkit.counters": {"broken": "broken_m:X"}}
    install("crowdkit-broken", point, {"broken_m.py": "raise RuntimeError('boom')"})
    finished = crowdkit("list", "counter", "--check")
    assert finished.code == 1
    assert "broken: RuntimeError: boom" in finished.out
    assert "mcnn" in finished.out


@pytest.mark.parametrize("info", list_components(), ids=lambda info: f"{info.kind}-{info.name}")
def test_info_explains_every_option(crowdkit, info):
    (described,) = crowdkit("info", info.name, "--kind", info.kind, "--json").json
    assert described["summary"]
    unexplained = [each["name"] for each in described["options"] if not each["help"]]
    assert not unexplained
    assert info.name in crowdkit("info", info.name).out


@pytest.fixture(scope="module")
def run(tmp_path_factory, photos):
    """A run of two short epochs through the command line."""
    from crowdkit_core.cli.app import crowdkit

    folder = tmp_path_factory.mktemp("runs") / "mine"
    arguments = ["train", "--counter", "mcnn", "--dataset", "folder", "--set"]
    arguments += [f"dataset.root={photos}", "--set", "trainer.epochs=1"]
    arguments += ["--set", "dataset.test_every=4", "--set", "dataset.validation_every=4"]
    crowdkit.main([*arguments, "--output", str(folder)], standalone_mode=False)
    return folder


def test_train_leaves_everything_in_the_run_folder(run):
    files = {path.name for path in run.iterdir()}
    assert {
        "best.safetensors",
        "curve.png",
        "data.json",
        "environment.json",
        "last.safetensors",
        "log.jsonl",
        "recipe.toml",
        "state.pt",
    } <= files
    events = [json.loads(line)["event"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert events == ["training_started", "epoch_ended", "training_ended"]


def test_the_curve_shows_loss_and_error_of_a_run(run):
    loss, error = training_curve(read_epochs(run / "log.jsonl")).axes
    for axes in (loss, error):
        assert len(axes.lines[0].get_xdata()) == 1


def test_resume_needs_only_the_folder(crowdkit, photos, tmp_path):
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={photos}"]
    output = ["--output", tmp_path / "run", "--json"]
    assert crowdkit("train", *options, "--set", "trainer.epochs=1", *output).code == 0
    resumed = crowdkit("train", "--resume", "--set", "trainer.epochs=2", *output)
    assert resumed.code == 0, resumed.err
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    epochs = [json.loads(line).get("epoch") for line in lines]
    assert [epoch for epoch in epochs if epoch is not None] == [1, 2]


def test_train_refuses_a_folder_with_a_run(crowdkit, run, photos):
    before = (run / "best.safetensors").read_bytes()
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={photos}"]
    finished = crowdkit("train", *options, "--output", run)
    assert finished.code == 2
    assert str(run) in finished.err
    assert (run / "best.safetensors").read_bytes() == before


def test_dry_run_prints_a_recipe_that_trains_the_same(crowdkit, photos, tmp_path):
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={photos}"]
    recipe = crowdkit("train", *options, "--output", tmp_path / "a", "--dry-run").out
    (tmp_path / "recipe.toml").write_text(recipe)
    again = crowdkit("train", tmp_path / "recipe.toml", "--output", tmp_path / "a", "--dry-run")
    assert again.out == recipe
    assert not (tmp_path / "a").exists()


def test_eval_of_a_run_counts_each_image_once(crowdkit, run, tmp_path):
    finished = crowdkit(
        "eval", run, "--csv", tmp_path / "images.csv", "--pictures", tmp_path / "worst", "--json"
    )
    assert finished.code == 0, finished.err
    with (tmp_path / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["name"] for row in rows}) == len(rows) == 3
    errors = [abs(float(row["predicted"]) - float(row["actual"])) for row in rows]
    assert finished.json["scores"]["count"]["mae"]["value"] == pytest.approx(np.mean(errors))
    assert len(list((tmp_path / "worst").glob("*.png"))) == 3


def test_eval_draws_found_heads_and_parts_where_points_are_found(crowdkit, run, tmp_path):
    finished = crowdkit("eval", run, "--localizer", "local-maxima", "--pictures", tmp_path / "out")
    assert finished.code == 0, finished.err
    pictures = list((tmp_path / "out").glob("*.png"))
    assert len(pictures) == 3 + 1
    widths = {}
    for file in pictures:
        with Image.open(file) as picture:
            widths[file.name] = picture.width
    assert widths.pop("counts-of-parts.png") == 2 * 380  # of the map, and of the points
    assert set(widths.values()) == {4 * (640 + 16) + 16}


def test_eval_says_when_weights_were_chosen_on_the_images(crowdkit, run):
    assert (
        "were chosen on the validation images" in crowdkit("eval", run, "--split", "validation").out
    )
    last = crowdkit("eval", run, "--split", "validation", "--weights", "last").out
    assert "were chosen" not in last


def test_the_split_evaluated_is_named_by_its_option(crowdkit, weights, photos):
    finished = crowdkit(
        *("eval", "--counter", "mcnn", "--weights", weights, "--dataset", "folder"),
        *("--set", f"dataset.root={photos}", "--set", "dataset.split=all"),
    )
    assert finished.code == 2
    assert "dataset.split" in finished.err
    assert "--split" in finished.err


def test_eval_without_a_run(crowdkit, weights, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}", "--split", "all"]
    finished = crowdkit("eval", "--counter", "mcnn", "--weights", weights, *dataset)
    assert finished.code == 0, finished.err
    assert "12 images" in finished.out


def test_count_prints_a_line_per_image_and_the_total(crowdkit, weights, photos, tmp_path):
    files = [photos / "1.png", photos / "2.png"]
    finished = crowdkit("count", *files, "--counter", "mcnn", "--weights", weights)
    lines = [line.split("\t") for line in finished.out.splitlines()]
    assert [name for name, _ in lines] == [*map(str, files), "2 images"]
    numbers = [float(number) for _, number in lines]
    assert numbers[2] == pytest.approx(numbers[0] + numbers[1], abs=0.11)


def test_count_writes_what_it_is_asked_for(crowdkit, weights, photos, tmp_path):
    roi = tmp_path / "roi.json"
    roi.write_text("[[0, 0], [96, 0], [96, 32], [0, 32]]")
    finished = crowdkit(
        *("count", photos / "*.png", "--weights", weights, "--roi", roi, "--json"),
        *("--csv", tmp_path / "counts.csv", "--points", tmp_path / "points.json"),
        *("--pictures", tmp_path / "pictures", "--densities", tmp_path / "maps"),
    )
    assert finished.code == 0, finished.err
    assert len(finished.json) == 12
    assert len((tmp_path / "counts.csv").read_text().splitlines()) == 13
    assert isinstance(json.loads((tmp_path / "points.json").read_text()), list)
    for image, row in zip(sorted((tmp_path / "maps").glob("*.npy")), range(12), strict=True):
        assert np.load(image).shape == (16, 24), row
    for picture in (tmp_path / "pictures").glob("*.png"):
        assert width(picture) == 800
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 12


class Half(Localizer):
    """Finds half of the people, all in one place."""

    def forward(self, prediction, size):
        number = int(prediction.count.item() // 2)
        return [LocalizedPoints(torch.ones(number, 2), torch.ones(number))]


def test_count_says_where_bfloat16_is_slow(crowdkit, weights, photos, monkeypatch):
    monkeypatch.setattr("crowdkit_core.precision.emulates_bf16", lambda device: True)
    with pytest.warns(RuntimeWarning, match="--precision auto is quicker"):
        done = crowdkit("count", photos / "1.png", "--weights", weights, "--precision", "bf16")
    assert done.code == 0


def test_count_says_how_many_points_it_found_beside_the_count(
    crowdkit, photos, tmp_path, monkeypatch
):
    captions = []
    monkeypatch.setattr(
        counted, "overlay", lambda image, *, caption, **_: captions.append(caption) or Figure()
    )
    monkeypatch.setattr(counted, "save", lambda figure, path: None)
    with register("localizer", "half", Half), register("counter", "many", Many):
        finished = crowdkit(
            *("count", photos / "1.png", photos / "2.png", "--weights", saved(Many(), tmp_path)),
            *("--localizer", "half", "--csv", tmp_path / "counts.csv"),
            *("--annotations", tmp_path / "found.csv", "--pictures", tmp_path / "pictures"),
        )
    assert finished.code == 0, finished.err
    *lines, total = [line.split("\t")[1] for line in finished.out.splitlines()]
    assert lines == captions == ["100 people by the map, 50 points found"] * 2
    assert total == "200.0, 100 points found"
    assert "found.csv holds the 100 points found, which are not the 200 counted" in finished.err
    with (tmp_path / "counts.csv").open() as file:
        rows = [(float(row["count"]), int(row["points_found"])) for row in csv.DictReader(file)]
    assert rows == [(pytest.approx(100), 50)] * 2
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 101


def test_a_bad_file_does_not_stop_the_others(crowdkit, weights, photos, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    finished = crowdkit("count", bad, photos / "1.png", "--weights", weights)
    assert finished.code == 1
    assert "bad.png" in finished.err
    assert str(photos / "1.png") in finished.out


def test_attention_is_drawn_beside_the_pictures(crowdkit, photos, weights, tmp_path):
    asked = ("--pictures", tmp_path / "seen", "--attention")
    with register("counter", "attentive", ToyCounter):
        save_weights(tmp_path / "toy.safetensors", ToyCounter(), component="attentive")
        finished = crowdkit(
            "count", photos / "1.png", "--weights", tmp_path / "toy.safetensors", *asked
        )
    assert finished.code == 0, finished.err
    assert width(tmp_path / "seen/1-attention.png") > width(tmp_path / "seen/1.png")
    refused = crowdkit("count", photos / "1.png", "--weights", weights, *asked)
    assert refused.code == 2
    assert "no attention maps" in refused.err
    alone = crowdkit("count", photos / "1.png", "--weights", weights, "--attention")
    assert "--attention without --pictures" in alone.err


@pytest.mark.parametrize("stride", [1, 8])
@pytest.mark.parametrize("generator", ["fixed", "geometry-adaptive"])
def test_density_sums_to_the_number_of_points(crowdkit, tmp_path, generator, stride):
    finished = crowdkit(
        *("density", "--density-generator", generator, "--stride", stride, "--index", 3),
        *("--set", "dataset.size=[64, 96]", "--set", "dataset.people=[5, 20]"),
        *("--output", tmp_path / "target.png", "--json"),
    )
    assert finished.code == 0, finished.err
    report = finished.json
    assert report["sum"] == pytest.approx(report["points"], rel=1e-5)
    assert report["cells"] == [64 // stride, 96 // stride]
    assert width(tmp_path / "target.png") > 600


SCENE = ["--set", "dataset.size=[64, 96]", "--set", "dataset.people=[5, 20]"]


def test_density_compares_generators_and_predictions(crowdkit, weights, tmp_path):
    picture = tmp_path / "maps.png"
    finished = crowdkit(
        *("density", "--density-generator", "geometry-adaptive", "--stride", 4, *SCENE),
        *("--density-generator", 'narrow = {name = "fixed", sigma = 2.0}'),
        *("--prediction", f"mcnn={weights}", "--output", picture),
    )
    assert finished.code == 0, finished.err
    lines = finished.out.splitlines()
    labels = [line.partition(":")[0] for line in lines[1:]]
    assert labels == ["geometry-adaptive", "narrow", "mcnn"]
    assert lines[2].partition("sums to ")[2].startswith(lines[0].split()[1] + ".0000;")
    assert width(picture) > 4 * 640


def test_details_of_a_map_are_drawn(crowdkit, tmp_path):
    class Telling(Fixed):
        def details(self, points, size, *, stride=1, sigmas=None, images=None):
            assert images.shape == (1, 3, *size)
            return {"rows": torch.arange(size[0])}

    with register("density_generator", "telling", Telling):
        plain, told = (
            crowdkit("density", "--density-generator", "telling", *SCENE, *more, "--output", path)
            for more, path in (
                ([], tmp_path / "plain.png"),
                (["--details"], tmp_path / "told.png"),
            )
        )
    assert (plain.code, told.code) == (0, 0), told.err
    assert height(tmp_path / "told.png") > 1.8 * height(tmp_path / "plain.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--density-generator", "narrow={sigma = 2.0}"), "does not say its name"),
        (("--density-generator", "narrow={name = "), "narrow"),
        (("--density-generator", "narrow=fixed"), "narrow=fixed"),
        (("--prediction", "weights.safetensors"), "LABEL=WEIGHTS"),
        (("--prediction", "none=missing.safetensors"), "missing.safetensors"),
    ],
)
def test_wrong_maps_are_refused(crowdkit, tmp_path, arguments, said):
    finished = crowdkit("density", *arguments, *SCENE, "--output", tmp_path / "maps.png")
    assert finished.code in (1, 2)
    assert said in finished.err
    assert not (tmp_path / "maps.png").exists()


def test_data_check_of_a_good_folder(crowdkit, photos):
    finished = crowdkit("data", "check", photos)
    assert finished.code == 0, finished.err
    assert "12 images" in finished.out


def test_data_check_takes_options_of_the_folder(crowdkit, photos, tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes((photos / name).read_bytes())
    (tmp_path / "annotations.csv").write_text("file,x,y\n1.png,5,5\n")
    columns = ["--set", "dataset.columns.image=file"]
    unmentioned = crowdkit("data", "check", tmp_path, *columns)
    assert unmentioned.code == 1
    followed = crowdkit("data", "check", tmp_path, *columns, "--set", "dataset.unannotated=empty")
    assert followed.code == 0, followed.err
    assert "2 images, 1 people" in followed.out


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("dataset.root=elsewhere", "the command takes FOLDER"),
        ("dataset.lables=[]", "did you mean 'labels'"),
        ("counter.width=3", "options of dataset"),
    ],
)
def test_data_check_refuses_what_it_cannot_set(crowdkit, photos, setting, said):
    refused = crowdkit("data", "check", photos, "--set", setting)
    assert refused.code == 2
    assert said in refused.err


def test_data_check_reports_everything_at_once(crowdkit, tmp_path):
    for name in ("swapped", "outside", "twice", "nobody"):
        Image.new("RGB", (60, 200)).save(tmp_path / f"{name}.png")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    lines = [
        "image,x,y",
        "swapped.png,180,20",
        "outside.png,900,900",
        "nobody.png,,",
        "cut.jpg,1,1",
    ]
    lines += ["twice.png,5,5", "twice.png,5,5"]
    (tmp_path / "annotations.csv").write_text("\n".join(lines))
    finished = crowdkit("data", "check", tmp_path, "--json")
    assert finished.code == 1
    found = {each["name"].split(".")[0]: each["kind"] for each in finished.json["findings"]}
    assert found == {
        "swapped": "swapped",
        "outside": "outside",
        "twice": "duplicates",
        "nobody": "zero-people",
        "cut": "unreadable",
    }


def test_demo_does_the_whole_job_and_says_where(crowdkit, tmp_path):
    small = '[dataset]\nname = "synthetic"\nimages = 4\nsize = [64, 96]\npeople = [0, 20]\n'
    small += '[counter]\nname = "mcnn"\n[trainer]\nname = "supervised"\nepochs = 1\n'
    (tmp_path / "small.toml").write_text(small)
    recipe, output = tmp_path / "small.toml", tmp_path / "demo"
    finished = crowdkit("demo", "--recipe", recipe, "--output", output)
    assert finished.code == 0, finished.err
    for line in finished.out.split("look at\n")[1].splitlines():
        path = line.split()[-1]
        assert (tmp_path / path).is_file()
        assert path.startswith(str(output))
    for step in ("1. training", "2. evaluating", "3. counting", "people, of"):
        assert step in finished.out


@pytest.mark.parametrize(
    ("file", "warning"),
    [
        ("run/best.safetensors", "these weights were chosen on the test images"),
        ("run/last.safetensors", "training looked at the test images"),
    ],
)
def test_a_run_validated_on_the_test_images_is_stamped(crowdkit, photos, tmp_path, file, warning):
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={photos}"]
    options += ["--set", "dataset.test_every=4", "--set", "trainer.epochs=1"]
    options += ["--set", "run.validate_on=test", "--output", tmp_path / "run"]
    assert crowdkit("train", *options).code == 0
    weights = file.removeprefix("run/").removesuffix(".safetensors")
    evaluated = crowdkit("eval", tmp_path / "run", "--weights", weights)
    assert warning in evaluated.out, evaluated.err
