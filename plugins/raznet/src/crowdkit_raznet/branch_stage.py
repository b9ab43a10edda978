"""The stage that trains a part of a counter and leaves the rest as it is."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.interfaces import (
    Batch,
    Counter,
    Dataset,
    DensityGenerator,
    Loss,
    LossTerms,
    Optimization,
    Stage,
    Target,
)
from crowdkit_core.training import OptimizationSettings, make_optimization
from crowdkit_raznet.regions import Regions


@runtime_checkable
class Restrictable(Protocol):
    """A counter that can leave out maps, so that a branch trains without computing the others."""

    def restrict(self, names: Collection[str] | None) -> None:
        """Give only these maps from now on; all with None."""


@runtime_checkable
class Proposing(Protocol):
    """A counter that proposes regions of an image to zoom into."""

    def propose(self, image: Float[Tensor, "1 3 H W"]) -> Regions:
        """The regions of an image."""


@runtime_checkable
class Calibrated(Protocol):
    """A counter that fits something to training images without gradients."""

    def calibrate(self, dataset: Dataset) -> None:
        """Fit it."""


@runtime_checkable
class CountsInWays(Protocol):
    """A counter that says which alternative counts ``predict`` gives."""

    ways: Sequence[str]


class BranchStage(Stage):
    """One network of a counter learns, as far as its parameters ask for gradients.

    What is frozen stays in evaluation mode.

    Args:
        counter: Holds the network.
        network: Name of its submodule that is shown the images, itself a counter; empty for the
            counter.
        loss: Compares the network's prediction and the target.
        density_generator: Frozen.
        optimization: Optimizer and schedule.
        dataset: Training images; None for the task's.
        judged_by: As of `Stage`.
        after_epoch: Called with the number of each epoch when it is over.
    """

    def __init__(
        self,
        counter: Counter,
        network: str,
        loss: Loss,
        density_generator: DensityGenerator,
        optimization: OptimizationSettings,
        *,
        dataset: Dataset | None = None,
        judged_by: str = "",
        after_epoch: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.counter = counter
        self.network = network
        self.loss = loss
        self.density_generator = density_generator.requires_grad_(False)
        self.optimization = optimization
        self.dataset = dataset
        self.judged_by = judged_by
        self.after_epoch = after_epoch

    def forward(self, batch: Batch) -> LossTerms:
        """The loss of the network's prediction."""
        target = Target.from_batch(batch, self.density_generator)
        network = self.counter.get_submodule(self.network)
        terms: LossTerms = self.loss(network(batch.images), target)
        return terms

    def optimizations(self) -> Mapping[str, Optimization]:
        """One optimizer, named ``counter``."""
        parameters = [*self.counter.named_parameters(), *self.loss.named_parameters(prefix="loss")]
        return {"counter": make_optimization(parameters, self.optimization)}

    def start_epoch(self, epoch: int) -> None:
        """Keep what is frozen in evaluation mode."""
        super().start_epoch(epoch)
        self.density_generator.eval()
        for module in self.counter.modules():
            if is_frozen(module):
                module.eval()

    def end_epoch(self, epoch: int) -> None:
        """Call ``after_epoch``."""
        self.after_epoch(epoch)


def is_frozen(module: nn.Module) -> bool:
    """Whether a module has parameters and none asks for gradients."""
    wanted = [parameter.requires_grad for parameter in module.parameters()]
    return bool(wanted) and not any(wanted)


def freeze_all_but(module: nn.Module, wanted: Iterable[str]) -> None:
    """Let only the parameters of these names ask for gradients."""
    names = set(wanted)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in names)
