"""A network as a denoiser: preconditioned in the principal axes of the data."""

from torch import Tensor, nn

from manidiff.diffusion.gaussian import Gaussian


class PreconditionedDenoiser:
    """Karras preconditioning with the data's own moments, one scale a direction.

    In coordinates y along the principal axes, with variances v_j of the data,

        D_j(y; sigma) = c_skip y_j + c_out F_j(c_in y, ln(sigma) / 4),
        c_skip = v / (v + s^2), c_out = s sqrt(v / (v + s^2)), c_in = 1 / sqrt(v + s^2)

    with s = sigma: Table 1 of Karras et al. (2022) with sigma_data^2 = v_j. A network
    F = 0 is the exact denoiser of the Gaussian with the data's moments, and each
    coordinate of the target of F has about unit variance at every noise level.

    Parameters
    ----------
    network : nn.Module
        Called with the keywords inputs (n, r), noise (n,) and, where there is one,
        condition (n, c); returns (n, r).
    gaussian : Gaussian
        The moments of the data.
    """

    def __init__(self, network: nn.Module, gaussian: Gaussian) -> None:
        self.network = network
        self.gaussian = gaussian

    def coefficients(self, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return c_skip, c_out and c_in, each (n, r), at noise levels (n,)."""
        sigma = sigma[:, None]
        total = self.gaussian.variances + sigma**2
        share = self.gaussian.variances / total
        return share, sigma * share.sqrt(), 1 / total.sqrt()

    def training_pair(
        self, x: Tensor, sigma: Tensor, target: Tensor, condition: Tensor | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the inputs of the network and what it should return for a target."""
        y = self.gaussian.coordinates(x)
        skip, out, _ = self.coefficients(sigma)
        wanted = (self.gaussian.coordinates(target) - skip * y) / out
        return self._inputs(y, sigma, condition), wanted

    def __call__(
        self, x: Tensor, sigma: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Return the denoised points (n, D) of x (n, D) at noise levels (n,)."""
        y = self.gaussian.coordinates(x)
        skip, out, _ = self.coefficients(sigma)
        output = self.network(**self._inputs(y, sigma, condition))
        return self.gaussian.points(skip * y + out * output)

    def _inputs(
        self, y: Tensor, sigma: Tensor, condition: Tensor | None
    ) -> dict[str, Tensor]:
        inputs = {"inputs": y * self.coefficients(sigma)[2], "noise": sigma.log() / 4}
        return inputs if condition is None else {**inputs, "condition": condition}
