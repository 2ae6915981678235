"""Two networks that are taught a half of the rows each."""

import numpy as np
import torch

from manidiff.geometry.groups import MIN_ROWS, deal_in_groups

# Each network speaks of rows that it was not taught: what is drawn is near the law of
# one half and in the places of the other. So the law itself need not be drawn together,
# and may forget more of a row's own place.
_LAW = {"n_neighbors": 15, "noise": 0.9, "temperature": 1.0}


class CrossFittingMixin:
    """Deals the rows of an estimator to the two networks of a `CrossFitted`."""

    def _cross_fitted_draws(self, network, rows, weights, conditions):
        """Return noised draws of the laws of both halves, with which half it is."""
        wholes, search = self._wholes(rows, conditions)
        dealt = [
            whole[group]
            for whole in wholes
            for group in deal_in_groups(torch.from_numpy(rows)[whole])
        ]
        self._place(network, rows, weights, dealt)
        halves = np.zeros((len(rows), 1))
        halves[torch.cat(dealt[1::2])] = 1
        search["groups"] = [
            whole[halves[whole, 0] == half] for whole in wholes for half in (0, 1)
        ]
        law = self._local_law(rows, weights, search, _LAW)
        told = halves if conditions is None else np.hstack([conditions, halves])
        return self._noised(law, network, weights, told, np.arange(len(rows)))

    def _wholes(self, rows, conditions):
        """Return the indices of rows that are dealt apart, and how neighbours are."""
        search = self._neighbor_search(rows, conditions)
        wholes = search.pop("groups", [torch.arange(len(rows))])
        fewest = min(map(len, wholes))
        if fewest < 2 * MIN_ROWS:
            raise ValueError(
                "training_law='cross_fitted' deals distinct rows of X, with labels "
                f"those of each, to two networks in groups of {MIN_ROWS} and more, but "
                f"there are only {fewest}. Use training_law='local'."
            )
        return wholes, search

    def _place(self, network, rows, weights, dealt):
        sizes = np.array([weights[group].sum() for group in dealt])
        centers = np.stack([weights[group] @ rows[group] for group in dealt])
        centers /= sizes[:, None]
        squares = [
            weights[group] @ ((rows[group] - center) ** 2).sum(axis=1)
            for group, center in zip(dealt, centers, strict=True)
        ]
        network.place(
            self.gaussian_.coordinates(torch.from_numpy(centers)),
            torch.from_numpy(sizes),
            np.sqrt(sum(squares) / sizes.sum() / self.gaussian_.rank),
        )
