"""Limited-memory BFGS for many small problems at once.

`torch.optim.LBFGS` treats all parameters as one problem with one step length, so that a chain's result would depend on
its batch. Here each problem has its own history, step length and end. Source: Nocedal & Wright, Numerical Optimization,
algorithms 7.4 and 7.5, with backtracking (Armijo) line search.
"""

from collections.abc import Callable

import torch
from torch import Tensor

HISTORY = 10
BACKTRACKS = 12
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
        steps: iterations at most.
        precondition: a symmetric, positive approximation of the inverse Hessian, applied to (B, D), whose first step is
            taken whole; None: the identity.
        tolerance: problems whose value falls by less than this fraction in an iteration are finished.

    Returns:
        (B, D).
    """
    point = start
    value, gradient = objective(point)
    moves: list[Tensor] = []
    changes: list[Tensor] = []
    rounding = torch.finfo(start.dtype).eps
    active = torch.ones(len(start), dtype=torch.bool, device=start.device)
    for _ in range(steps):
        direction = -_inverse_hessian_times(
            gradient, moves=moves, changes=changes, precondition=precondition or _identity
        )
        slope = (direction * gradient).sum(-1)
        downhill = slope < 0
        direction = torch.where(downhill[:, None], direction, -gradient)
        slope = torch.where(downhill, slope, -gradient.square().sum(-1))
        known = bool(moves) or precondition is not None
        first = 1.0 if known else (1 / direction.norm(dim=-1).clamp(min=1e-12)).clamp(max=1.0)
        length = torch.where(active, torch.ones_like(slope) * first, 0)
        accepted = ~active
        new_point, new_value, new_gradient = point, value, gradient
        for _ in range(BACKTRACKS):
            trial = point + length[:, None] * direction
            trial_value, trial_gradient = objective(trial)
            better = ~accepted & (trial_value <= value + SUFFICIENT * length * slope + rounding * value.abs())
            new_point = torch.where(better[:, None], trial, new_point)
            new_value = torch.where(better, trial_value, new_value)
            new_gradient = torch.where(better[:, None], trial_gradient, new_gradient)
            accepted = accepted | better
            if bool(accepted.all()):
                break
            length = torch.where(accepted, length, length / 3)
        moves.append(new_point - point)
        changes.append(new_gradient - gradient)
        if len(moves) > HISTORY:
            del moves[0], changes[0]
        active = active & (value - new_value > tolerance * value.abs())
        point, value, gradient = new_point, new_value, new_gradient
        if not bool(active.any()):
            break
    return point


def _identity(points: Tensor) -> Tensor:
    return points


def _inverse_hessian_times(
    gradient: Tensor, *, moves: list[Tensor], changes: list[Tensor], precondition: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the approximate inverse Hessian times the gradient (B, D); steps of no positive curvature are left out."""
    result = gradient
    steps = []
    scale = torch.ones_like(gradient[:, 0])
    latest = torch.zeros_like(scale, dtype=torch.bool)
    for move, change in zip(moves, changes, strict=True):
        product = (move * change).sum(-1)
        good = product > 1e-10 * change.square().sum(-1)
        latest = good
        steps.append((move, change, torch.where(good, 1 / product.clamp(min=1e-30), 0)))
    factors = []
    for move, change, inverse in reversed(steps):
        factor = inverse * (move * result).sum(-1)
        factors.append(factor)
        result = result - factor[:, None] * change
    if changes:
        square = (changes[-1] * precondition(changes[-1])).sum(-1)
        product = (moves[-1] * changes[-1]).sum(-1)
        scale = torch.where(latest, product / square.clamp(min=1e-30), scale)
    result = scale[:, None] * precondition(result)
    for (move, change, inverse), factor in zip(steps, reversed(factors), strict=True):
        result = result + (factor - inverse * (change * result).sum(-1))[:, None] * move
    return result
