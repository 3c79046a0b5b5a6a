"""Limited-memory BFGS for many small problems at once.

`torch.optim.LBFGS` treats all parameters as one problem with one step length, so that a chain's result would depend on
its batch. Here each problem has its own history, step length and end. Source: Nocedal & Wright, Numerical Optimization,
algorithms 7.4 and 7.5, with backtracking (Armijo) line search, in which no problem waits for another: all are
evaluated together, some at the first step along a new direction, some at a shorter one along their last.
"""

from collections.abc import Callable

import torch
from torch import Tensor

HISTORY = 10
TRIES = 12
"""Steps along one direction, each a third of the last, before a problem is finished."""
SUFFICIENT = 1e-4

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From points (B, D) to values (B,) and gradients (B, D)."""


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    precondition: Callable[[Tensor], Tensor] | None = None,
    tolerance: float = 1e-5,
) -> Tensor:
    """Return points with smaller values; the value of a problem never rises, except for rounding.

    Parameters:
        objective: values and gradients of B problems, each a function of its own point only.
        start: (B, D).
        steps: evaluations after that of the start, at most.
        precondition: a symmetric, positive approximation of the inverse Hessian, applied to (B, D), whose first step is
            taken whole; None: the identity.
        tolerance: problems whose value falls by less than this fraction in a step are finished.

    Returns:
        (B, D).
    """
    precondition, whole = precondition or _identity, precondition is not None
    rounding = torch.finfo(start.dtype).eps
    point = start
    value, gradient = objective(point)
    history = _History(start)
    active = fresh = torch.ones_like(value, dtype=torch.bool)
    direction = torch.zeros_like(start)
    slope = length = tries = direction[:, 0]
    for step in range(steps):
        ahead = -history.inverse_hessian_times(gradient, precondition)
        steepness = (ahead * gradient).sum(-1)
        downhill = steepness < 0
        ahead = torch.where(downhill[:, None], ahead, -gradient)
        steepness = torch.where(downhill, steepness, -gradient.square().sum(-1))
        first = torch.ones_like(slope)
        if step == 0 and not whole:
            first = (1 / ahead.norm(dim=-1).clamp(min=1e-12)).clamp(max=1.0)
        direction = torch.where(fresh[:, None], ahead, direction)
        slope = torch.where(fresh, steepness, slope)
        length = torch.where(fresh, first, length / 3)
        tries = torch.where(fresh, 1, tries + 1)
        trial = torch.where(active[:, None], point + length[:, None] * direction, point)
        trial_value, trial_gradient = objective(trial)
        fresh = active & (trial_value <= value + SUFFICIENT * length * slope + rounding * value.abs())
        history.add(trial - point, trial_gradient - gradient, fresh)
        active = active & torch.where(fresh, value - trial_value > tolerance * value.abs(), tries < TRIES)
        point = torch.where(fresh[:, None], trial, point)
        value = torch.where(fresh, trial_value, value)
        gradient = torch.where(fresh[:, None], trial_gradient, gradient)
        if not bool(active.any()):
            break
    return point


def _identity(points: Tensor) -> Tensor:
    return points


class _History:
    """The last moves of B problems and how their gradients changed, (HISTORY, B, D); zero where none was yet."""

    def __init__(self, start: Tensor):
        self._moves = start.new_zeros(HISTORY, *start.shape)
        self._changes = torch.zeros_like(self._moves)
        self._inverse = start.new_zeros(HISTORY, len(start))

    def add(self, move: Tensor, change: Tensor, moved: Tensor) -> None:
        """Add moves and changes (B, D) of the problems that moved (B,)."""
        product = (move * change).sum(-1)
        # Moves of no positive curvature are left out.
        good = product > 1e-10 * change.square().sum(-1)
        inverse = torch.where(good, 1 / product.clamp(min=1e-30), 0)
        self._moves = torch.where(moved[:, None], torch.cat([self._moves[1:], move[None]]), self._moves)
        self._changes = torch.where(moved[:, None], torch.cat([self._changes[1:], change[None]]), self._changes)
        self._inverse = torch.where(moved, torch.cat([self._inverse[1:], inverse[None]]), self._inverse)

    def inverse_hessian_times(self, gradient: Tensor, precondition: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the approximate inverse Hessian times the gradient (B, D)."""
        result = gradient
        factors = []
        kept = list(zip(self._moves, self._changes, self._inverse, strict=True))
        for move, change, inverse in reversed(kept):
            factor = inverse * (move * result).sum(-1)
            factors.append(factor)
            result = result - factor[:, None] * change
        move, change, inverse = kept[-1]
        square = (change * precondition(change)).sum(-1)
        scale = torch.where(inverse > 0, (move * change).sum(-1) / square.clamp(min=1e-30), 1)
        result = scale[:, None] * precondition(result)
        for (move, change, inverse), factor in zip(kept, reversed(factors), strict=True):
            result = result + (factor - inverse * (change * result).sum(-1))[:, None] * move
        return result
