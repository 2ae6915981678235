"""Errors that carry more than their message."""


class NonFiniteLossError(FloatingPointError):
    """The training loss became NaN or infinite.

    Parameters
    ----------
    n_iter : int
        The gradient step at which it happened.
    learning_rate : float
        The learning rate asked for.

    Examples
    --------
    >>> from manidiff.exceptions import NonFiniteLossError
    >>> print(NonFiniteLossError(7, 10.0))
    The training loss became non-finite at step 7. Lower learning_rate=10.0, or check \
that the module returns finite values.
    """

    def __init__(self, n_iter: int, learning_rate: float) -> None:
        super().__init__(n_iter, learning_rate)
        self.n_iter = n_iter
        self.learning_rate = learning_rate

    def __str__(self) -> str:
        """Name the step, the parameter and the remedy."""
        return (
            f"The training loss became non-finite at step {self.n_iter}. "
            f"Lower learning_rate={self.learning_rate!r}, or check that the module "
            "returns finite values."
        )
