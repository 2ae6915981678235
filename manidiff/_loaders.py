"""Batches for the training loop, as many as there are steps."""

from collections.abc import Iterator

from manidiff._utils.chunking import chunk_slices
from manidiff.diffusion.noised_draws import Batch, FixedDraws, NoisedDraws

STEPS_PER_EPOCH = 100


class StepLoader:
    """Hands a dataset one batch a step, an epoch of steps at a time, `n_steps` in all.

    A torch DataLoader would build and collate an index list for every batch; here a
    range says how many draws are wanted.
    """

    def __init__(self, dataset: NoisedDraws, batch_size: int, n_steps: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.n_left = n_steps

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        for _ in range(min(STEPS_PER_EPOCH, self.n_left)):
            self.n_left -= 1
            yield self.dataset.__getitems__(range(self.batch_size))


class PassLoader:
    """Hands over a fixed dataset once, batch by batch."""

    def __init__(self, dataset: FixedDraws, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches."""
        for rows in chunk_slices(len(self.dataset), self.batch_size):
            yield self.dataset.__getitems__(range(rows.start, rows.stop))
