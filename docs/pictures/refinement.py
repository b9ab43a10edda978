"""Draw what CFANet's attention does to the features of a stage of its decoder."""

from crowdkit_cfanet.cfanet import STRIDES, CFANet, DecoderStage
from crowdkit_cfanet.targets import coarse_attention
from matplotlib.figure import Figure
from sheet import balanced_rows
from torch import Tensor, nn

from crowdkit_core.data import collate
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import DensityGenerator, Sample, Target, evaluating
from crowdkit_core.visual import Panel, panel_rows


def draw(counter: CFANet, sample: Sample, generator: DensityGenerator, *, stage: int) -> Figure:
    """A scene, features before attention, attention, and features after it.

    Features are their mean over channels, and how much of it lies in the background is said above.

    Args:
        counter: Trained, with attention.
        sample: An annotated image.
        generator: Its maps say where the background is.
        stage: Of the decoder, 1 to 4.
    """
    before, attention, after = _refined(counter, sample, stage - 1)
    density = Target.from_batch(collate([sample]), generator).density()
    background = 1 - coarse_attention(density, STRIDES[stage - 1])[0, 0]
    limits = (0.0, after.max().item())
    points = sample.points.as_subclass(Tensor)
    panels = [
        Panel(title=f"people: {len(points)}", points=points),
        Panel(title=f"features: {_share(before, background)}", values=before, limits=limits),
        Panel(title="attention", values=attention, limits=(0, attention.max().item())),
        Panel(title=f"refined: {_share(after, background)}", values=after, limits=limits),
    ]
    return panel_rows(sample.image, balanced_rows(panels))


def _refined(counter: CFANet, sample: Sample, stage: int) -> tuple[Tensor, Tensor, Tensor]:
    """(h, w) features before attention, the attention, and the features after it."""
    seen: list[tuple[Tensor, Tensor]] = []

    def look(_: nn.Module, inputs: tuple[Tensor, ...], refined: Tensor) -> None:
        seen.append((inputs[2], refined))

    decoder = counter.decoder[stage]
    assert isinstance(decoder, DecoderStage)
    handle = decoder.register_forward_hook(look)
    try:
        with evaluating(counter) as device:
            counter(to_batch(sample.image, device))
    finally:
        handle.remove()
    ((attention, refined),) = seen
    after = refined[0].mean(0)
    return after / (1 + attention[0, 0]), attention[0, 0], after


def _share(features: Tensor, background: Tensor) -> str:
    share = (features * background).sum() / features.sum()
    return f"{share:.0%} in the background"
