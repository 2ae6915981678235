"""How the learning rate changes with the steps of training."""

import math

_WARM_UP_STEPS = 100
_SHORT_WARM_UP_STEPS = 10
# Steps after which a learning rate without an end has fallen by the root of two.
_DECAY_STEPS = 1000


class WarmUpCosine:
    """Factor of the learning rate at a step: linear warm-up, then half a cosine."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def __call__(self, step: int) -> float:
        """Return the factor."""
        warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, self.n_steps))
        return warm * 0.5 * (1 + math.cos(math.pi * min(step / self.n_steps, 1.0)))


class WarmUpDecay:
    """Factor of the learning rate where no last step is known, after n_behind steps.

    It falls with the square root of the steps, and warms up shortly whenever training
    goes on, as the optimizer begins anew.
    """

    def __init__(self, n_behind: int) -> None:
        self.n_behind = n_behind

    def __call__(self, step: int) -> float:
        """Return the factor."""
        n_warm = _SHORT_WARM_UP_STEPS if self.n_behind else _WARM_UP_STEPS
        warm = min(1.0, (step + 1) / n_warm)
        return warm / math.sqrt(1 + (self.n_behind + step) / _DECAY_STEPS)
