from crowdkit_page.counting import Models

from crowdkit_core import create
from crowdkit_core.cards import ChosenLocalizer
from crowdkit_core.cards.chosen_localizer import file_beside, write_chosen
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.weights import save_weights


def test_points_are_found_as_was_chosen_for_the_weights(tmp_path):
    for name in ("tuned", "untuned"):
        file = tmp_path / f"{name}.safetensors"
        save_weights(file, create("counter", "mcnn"), component="mcnn")
    tuned, untuned = tmp_path / "tuned.safetensors", tmp_path / "untuned.safetensors"
    chosen = ChosenLocalizer(
        name="local-maxima",
        options={"threshold": 0.375},
        by="f1@8",
        value=0.5,
        interval=(0.4, 0.6),
        dataset="toys",
        split="validation",
        images=12,
    )
    write_chosen(chosen, file_beside(tuned), tuned)
    models = Models()
    assert models.load(str(tuned)).localizer.threshold == 0.375
    assert models.load(str(untuned)).localizer.threshold == LocalMaxima().threshold != 0.375
