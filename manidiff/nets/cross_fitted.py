"""Two networks, each asked only where the rows lie that the other was taught."""

import copy

import torch
from torch import Tensor, nn


class CrossFitted(nn.Module):
    """Two networks that were taught one half of the rows each.

    With R_h the places of the rows of half h and F_h the network that was taught them,
    it computes

        F(x; sigma) = P(R_1 | x; sigma) F_0(x; sigma) + P(R_0 | x; sigma) F_1(x; sigma)

    so that near a training row it says what rows of the other half say: no row speaks
    for itself, and what is computed tells little of which rows were there (the
    aggregation of SELENA, Tang et al. 2022, with places for nearest rows). Places are
    known by the means of groups of rows: a group of n rows with mean c is a Gaussian
    ``n N(c, (sigma^2 + width^2) I)``.

    While it trains, the last column of the condition is the half to teach.

    Parameters
    ----------
    network : nn.Module
        One of them, as yet untaught.
    other : nn.Module
        The other.
    variances : Tensor of shape (r,)
        Variances of the data along its principal axes, by which inputs are scaled:
        they are ``y / sqrt(variances + sigma^2)`` of points y, and the noise is
        ``ln(sigma) / 4``.

    References
    ----------
    .. [1] Tang et al. (2022). "Mitigating Membership Inference Attacks by
           Self-Distillation Through a Novel Ensemble Architecture". arXiv:2110.08324.

    Examples
    --------
    >>> import torch
    >>> from manidiff.nets import ResidualMLP
    >>> from manidiff.nets.cross_fitted import CrossFitted
    >>> pair = CrossFitted(ResidualMLP(2), ResidualMLP(2), torch.ones(2)).eval()
    >>> centers = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    >>> pair.place(centers, torch.tensor([3.0, 3.0]), 0.1)
    >>> near_first, noise = torch.tensor([[-1.0, 0.0]]), torch.tensor([-1.0])
    >>> pair.share_of_first(near_first, noise).round(decimals=4)
    tensor([1.])
    """

    centers: Tensor
    log_sizes: Tensor
    width: Tensor
    variances: Tensor

    def __init__(self, network: nn.Module, other: nn.Module, variances: Tensor) -> None:
        super().__init__()
        self.is_of_own_half = False
        self.networks = nn.ModuleList([network, other])
        self.register_buffer("variances", variances.float())
        self.register_buffer("centers", self.variances.new_zeros(0, len(variances)))
        self.register_buffer("log_sizes", self.variances.new_zeros(0))
        self.register_buffer("width", self.variances.new_ones(()))

    def place(self, centers: Tensor, sizes: Tensor, width: float) -> None:
        """Say where the rows are.

        Parameters
        ----------
        centers : Tensor of shape (n_groups, r)
            Means of the groups along the principal axes, of the first half and of the
            second in turn.
        sizes : Tensor of shape (n_groups,)
            Their weights.
        width : float
            Root mean square distance of a row from the mean of its group, along one
            axis.
        """
        self.centers = centers.to(self.variances)
        self.log_sizes = sizes.log().to(self.variances)
        self.width = torch.full_like(self.width, width)

    def share_of_first(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """Return P(R_0 | x; sigma), shape (n,), of inputs (n, r) and noise (n,)."""
        square = (8 * noise)[:, None].exp()
        y = inputs * (self.variances + square).sqrt()
        # The part of the distance that all groups share drops out.
        distance = (self.centers**2).sum(1) - 2 * y @ self.centers.T
        logits = self.log_sizes - distance / (2 * (square + self.width**2))
        return torch.softmax(logits, dim=1)[:, ::2].sum(1)

    def forward(
        self, inputs: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Map inputs (n, r), noise (n,) and a condition (n, c) to outputs (n, r)."""
        given = {"inputs": inputs, "noise": noise}
        if condition is not None:
            given["condition"] = condition
        if self.training:
            return self._taught(**given)
        first, second = (network(**given) for network in self.networks)
        share = self.share_of_first(inputs, noise)[:, None]
        if self.is_of_own_half:
            share = 1 - share
        return share * second + (1 - share) * first

    def of_own_half(self) -> "CrossFitted":
        """Return what says of each place what the rows there say, on the same weights.

        It is what each network was taught, and knows the training rows.
        """
        own = copy.copy(self)
        own.is_of_own_half = True
        return own

    def _taught(self, condition: Tensor, **given: Tensor) -> Tensor:
        half, told = condition[:, -1], condition[:, :-1]
        if told.shape[1] > 0:
            given["condition"] = told
        output = torch.zeros_like(given["inputs"])
        for index, network in enumerate(self.networks):
            mine = half == index
            output[mine] = network(**{name: one[mine] for name, one in given.items()})
        return output
