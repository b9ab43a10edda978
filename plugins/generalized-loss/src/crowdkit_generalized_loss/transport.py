"""Unbalanced entropic optimal transport between cells and points, in the log domain."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_LEAST = 1e-20
"""Stands in for a mass of 0, which has no logarithm."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Potentials of cells and points for a cost, and what follows from them.

    The problem: the plan P that costs least with ``<P, C> + blur KL(P | a x b)
    + reach KL(P 1 | a) + reach KL(P^T 1 | b)``, a the cells' and b the points' masses. Potentials
    have no gradient: what follows from them has that of the masses alone.

    Attributes:
        cost: (M, N) C.
        cells: (M,) potential f.
        points: (N,) potential g.
        blur: Weight of the entropy.
        reach: Weight of what the plan leaves of either mass, or adds to it.
    """

    cost: Float[Tensor, "M N"]
    cells: Float[Tensor, " M"]
    points: Float[Tensor, " N"]
    blur: float
    reach: float

    def plan(self, mass: Float[Tensor, " M"], people: Float[Tensor, " N"]) -> Float[Tensor, "M N"]:
        """P = exp((f + g - C) / blur) a b."""
        exponent = (self.cells[:, None] + self.points - self.cost) / self.blur
        return exponent.exp() * mass[:, None] * people

    def value(self, mass: Float[Tensor, " M"], people: Float[Tensor, " N"]) -> Float[Tensor, ""]:
        """The least cost, without its blur times (|a| |b| - (|a| + |b|) / 2), as in GeomLoss."""
        factor = self.reach + self.blur / 2
        of_cells = mass * -torch.expm1(-self.cells / self.reach)
        of_points = people * -torch.expm1(-self.points / self.reach)
        return factor * (of_cells.sum() + of_points.sum())


@torch.no_grad()
def transport(
    cost: Float[Tensor, "M N"],
    mass: Float[Tensor, " M"],
    people: Float[Tensor, " N"],
    *,
    blur: float = 0.01,
    reach: float = 0.5,
    diameter: float,
    scaling: float = 0.5,
) -> Transport:
    """Find the potentials with an entropy that falls from the diameter to ``blur``.

    Symmetric updates: both potentials are the mean of their old value and of the best answer to
    the other's old value. Once at each weight of the entropy, once more at the last, and an answer
    in full at the end. So few steps are what the paper trains with; they do not converge.

    Args:
        cost: (M, N) of moving one person from each cell to each point.
        mass: (M,) people in each cell, not negative.
        people: (N,) people at each point.
        blur: The entropy's last weight.
        reach: The marginals' weight.
        diameter: The entropy's first weight; no less than ``blur`` is taken.
        scaling: Factor from one weight to the next, in (0, 1).

    Example:
        >>> cost = torch.tensor([[0.0, 9.0], [9.0, 0.0]])
        >>> mass, people = torch.tensor([2.0, 1.0]), torch.ones(2)
        >>> found = transport(cost, mass, people, diameter=1.0)
        >>> found.plan(mass, people).sum(0)
        tensor([1.4218, 1.0000])
    """
    log_mass, log_people = mass.clamp_min(_LEAST).log(), people.clamp_min(_LEAST).log()

    def answers(epsilon: float, of_cells: Tensor, of_points: Tensor) -> tuple[Tensor, Tensor]:
        damping = -epsilon / (1 + epsilon / reach)
        scaled = cost / epsilon
        return (
            damping * torch.logsumexp(log_people + of_points - scaled, 1),
            damping * torch.logsumexp((log_mass + of_cells)[:, None] - scaled, 0),
        )

    weights = annealed(max(diameter, blur), blur, scaling)
    f, g = answers(weights[0], torch.zeros_like(mass), torch.zeros_like(people))
    for epsilon in weights:
        best_f, best_g = answers(epsilon, f / epsilon, g / epsilon)
        f, g = (f + best_f) / 2, (g + best_g) / 2
    f, g = answers(blur, f / blur, g / blur)
    return Transport(cost, f, g, blur=blur, reach=reach)


def annealed(first: float, last: float, scaling: float) -> list[float]:
    """Weights of the entropy: the first, falling from it by a factor, and the last.

    Example:
        >>> annealed(1.0, 0.2, 0.5)
        [1.0, 1.0, 0.5, 0.25, 0.2]
    """
    steps = math.ceil(math.log(last / first) / math.log(scaling))
    return [first, *(first * scaling**step for step in range(steps)), last]
