"""Uniform draws from the manifold that a projection defines.

Tempered Score Langevin (Li, Shen, Hsieh, He, ICLR 2026, arXiv:2509.24912, eq. 8) is

    x <- x + eta (D(x; sigma) - x) + sqrt(2 eta sigma^(2 - alpha)) z,    0 < alpha < 2,

whose stationary law tends to the uniform one as sigma -> 0 where the score is known up
to o(sigma^-2). It is used here with these choices of our own:

- D is a projection that the caller freezes, and the temperature sigma^(2 - alpha) a
  number h^2 of its own. A denoiser pulls along the manifold like sigma^2 grad log p,
  which leaves the law p^(sigma^2 / h^2); a projection does not pull.
- States spread by h / sqrt(1 - eta / 2), the thickness, about the manifold and move
  along it by sqrt(2 eta) h a step. At equal thickness eta = 1 moves the variance of
  eta = 0.1 in a fifth of its steps.
- A step that leaves the surroundings of the points one starts from is not taken, so
  chains end where the data does. It is Metropolis' rule for the uniform law there.
- What density is left is estimated by a kernel density and divided out, of the points
  one starts from and of the states. So chains need to forget where they started only up
  to the bandwidth of the kernel, not to cross the manifold, and parts between which no
  chain passes get their share. Li et al. rely on the chain alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from manidiff._utils.chunking import chunk_slices
from manidiff.diffusion.samplers import Noise, normal_noise

Projection = Callable[[Tensor], Tensor]

# Chains that run side by side, at least and at most.
_N_CHAINS = (512, 4096)
# States made for each that is kept: weights up to twice their mean are honoured.
_POOL = 2
# Points by which a density is known, and points it is asked for in one go.
_MAX_START, _MAX_CENTERS = 4096, 8192
_CHUNK = 1024
# The bandwidth is this share of the distance to this neighbour that all but a tenth of
# the centers keep: a kernel holds some 40 centers on a surface, 12 on a curve.
_NEIGHBOR, _SHARE, _QUANTILE = 16, 0.75, 0.9
# Weights are bounded by this multiple of their median: strays get little more.
_MAX_WEIGHT = 10.0
# Smallest bandwidth in the extent of the data.
_RESOLUTION = 1e-6
# Surroundings of a starting point: the ball that holds this many others.
_SURROUNDINGS = 5
# Two states of a chain count as apart when their kernels are correlated by less.
_APART = 0.2
# Steps between looks at that; intervals before the first state that is kept.
_LOOK, _BURN_IN = 5, 4
# Share of a step by which its mean with its mirror image may miss the start.
_MAX_BEND = 0.25


@dataclass(frozen=True)
class UniformDraws:
    """Points drawn uniformly from a manifold, and what they are worth.

    Attributes
    ----------
    points : Tensor of shape (n_samples, D)
        The points, in random order.
    effective_sample_size : float
        Number of independent draws they are worth, at most n_samples.
    unmet : float
        Share of the law that the states could not supply without repeating one:
        about the total variation by which the points are therefore not uniform.
    n_steps : int
        Steps that each chain took.
    interval : int
        Steps between the states of a chain that were kept.
    """

    points: Tensor
    effective_sample_size: float
    unmet: float
    n_steps: int
    interval: int


def tempered_langevin(
    project: Projection,
    x: Tensor,
    *,
    thickness: float,
    n_steps: int,
    noise: Noise,
    step_size: float = 1.0,
    inside: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Take steps of Tempered Score Langevin, one chain for each row.

    Parameters
    ----------
    project : callable
        ``(n, D) -> (n, D)``, onto the manifold.
    x : Tensor of shape (n, D)
        Where the chains are, on the manifold.
    thickness : float
        Standard deviation of the states about the manifold along each normal
        direction, ``h / sqrt(1 - step_size / 2)`` with h^2 the temperature.
    n_steps : int
        Number of steps.
    noise : callable
        Source of the noise, see `manidiff.diffusion.samplers.normal_noise`.
    step_size : float, default=1.0
        The step eta, in (0, 1].
    inside : callable, default=None
        ``(n, D) -> (n,)`` bool: where projected states may be. A chain takes no step
        out of it.

    Returns
    -------
    x : Tensor of shape (n, D)
        Where the chains are, projected.
    """
    spread = thickness * math.sqrt(step_size * (2 - step_size))
    projected = x
    for _ in range(n_steps):
        moved = x + step_size * (projected - x) + spread * noise(x)
        landed = project(moved)
        if inside is not None:
            taken = inside(landed)[:, None]
            moved = torch.where(taken, moved, x)
            landed = torch.where(taken, landed, projected)
        x, projected = moved, landed
    return projected


def choose_thickness(project: Projection, x: Tensor, rng: np.random.Generator) -> float:
    """Return the largest thickness at which steps along the manifold hardly bend.

    A step from y and its mirror image end in Phi(y + e) and Phi(y - e). On a surface of
    radius of curvature R their mean lies about |e|^2 / (2 R) from y: here by no more
    than a quarter of half their distance, for three quarters of the points. Searched
    downwards in steps of sqrt(2) from half the root mean variance of x.

    Parameters
    ----------
    project : callable
        ``(n, D) -> (n, D)``, onto the manifold.
    x : Tensor of shape (m, D)
        Points on the manifold; 512 of them serve.
    rng : numpy.random.Generator
        Chooses the points and the noise.

    Returns
    -------
    thickness : float
        The thickness; the smallest tried, 1/32 of the largest, where none will do.
    """
    y = project(_part(x, _N_CHAINS[0], rng))
    unit_noise = normal_noise(rng)(y)
    largest = float(x.var(0, unbiased=False).mean().sqrt()) / 2
    for halvings in range(11):
        thickness = largest * 2 ** (-halvings / 2)
        ahead = project(y + thickness * unit_noise)
        behind = project(y - thickness * unit_noise)
        bend = ((ahead + behind) / 2 - y).norm(dim=1)
        # Steps that end in one point bend infinitely, and no step is no number.
        share = (bend / ((ahead - behind) / 2).norm(dim=1)).nan_to_num(math.inf)
        if float(torch.quantile(share, 0.75)) <= _MAX_BEND:
            break
    return thickness


def uniform_on_manifold(
    project: Projection,
    start: Tensor,
    n_samples: int,
    *,
    thickness: float,
    rng: np.random.Generator,
    max_steps: int = 1000,
) -> UniformDraws:
    """Draw points uniformly from the manifold that a projection defines.

    Chains of `tempered_langevin` start at points drawn by the reciprocal of their
    kernel density and keep a state at every interval: the number of steps after which
    kernels about the states and about the starts of their chains are correlated by
    less than 0.2. The first is kept after four intervals. Of twice as many states as
    are wanted the result is a part, drawn without replacement by the reciprocal of the
    kernel density of all.

    With t the integrated kernel autocorrelation time of the kept states, r the kernel
    correlation of the last ones with the starts, and K Kish's effective number
    (sum w)^2 / sum w^2 of the weights of the starts and of the states, the points are
    worth 1 / (t / K_states + r^2 / K_starts) independent draws. That speaks of scales
    down to the bandwidth of the kernel: larger ones are left to the weights.

    Parameters
    ----------
    project : callable
        ``(n, D) -> (n, D)``, onto the manifold, in the space in which uniform is meant.
    start : Tensor of shape (m, D)
        Points on the whole of the manifold, by any law, m >= 2; of more than 4096 a
        random part serves.
    n_samples : int
        Number of points to draw, >= 1.
    thickness : float
        See `tempered_langevin` and `choose_thickness`.
    rng : numpy.random.Generator
        Source of all randomness.
    max_steps : int, default=1000
        Steps of a chain beyond which the interval is not lengthened.

    Returns
    -------
    draws : UniformDraws
        The points, and their effective sample size.
    """
    start = _part(start, _MAX_START, rng)
    start_weights = _inverse_density(start, rng, math.inf)
    n_chains = min(max(_POOL * n_samples, _N_CHAINS[0]), _N_CHAINS[1])
    n_kept = math.ceil(_POOL * n_samples / n_chains)
    walk = partial(
        tempered_langevin,
        project,
        thickness=thickness,
        noise=normal_noise(rng),
        inside=_surroundings(start),
    )
    first = start[_draw(start_weights, n_chains, rng)]
    kernel = _Kernel(start, first)
    n_intervals = _BURN_IN + n_kept - 1

    x, interval = first, 0
    while interval < max(max_steps // n_intervals, _LOOK):
        x, interval = walk(x, n_steps=_LOOK), interval + _LOOK
        if kernel.correlation(first, x) < _APART:
            break
    states = [walk(x, n_steps=(_BURN_IN - 1) * interval)]
    for _ in range(n_kept - 1):
        states.append(walk(states[-1], n_steps=interval))

    pool = torch.cat(states)
    weights = _inverse_density(pool, rng, _MAX_WEIGHT)
    memory = kernel.correlation(first, states[-1])
    variance = kernel.correlation_time(states) / _kish(weights)
    variance += memory**2 / _kish(start_weights)
    points = pool[_thin(weights, n_samples, rng)]
    return UniformDraws(
        points=walk(points, n_steps=1, noise=torch.zeros_like),
        effective_sample_size=min(1 / variance, float(n_samples)),
        unmet=float((weights / weights.sum() - 1 / n_samples).clamp(min=0).sum()),
        n_steps=n_intervals * interval,
        interval=interval,
    )


class _Kernel:
    """A Gaussian kernel of the bandwidth of a set, to correlate states of chains by.

    The correlation is that of the kernels as functions: 1 for equal states, 0 for
    states that are no closer than chance brings them.
    """

    def __init__(self, centers: Tensor, states: Tensor) -> None:
        self.bandwidth = _bandwidth(centers, 0.5)
        some = states[:_CHUNK]
        self.chance = float(self._likeness(torch.cdist(some, some)).mean())

    def correlation(self, x: Tensor, y: Tensor) -> float:
        """Return the correlation of kernels about rows of x with those about y."""
        alike = float(self._likeness((x - y).norm(dim=1)).mean())
        return max((alike - self.chance) / max(1 - self.chance, 1e-12), 0.0)

    def correlation_time(self, states: list[Tensor]) -> float:
        """Return the integrated autocorrelation time of equally spaced states."""
        n = len(states)
        return 1 + 2 * sum(
            (1 - lag / n) * self.correlation(states[0], states[lag])
            for lag in range(1, n)
        )

    def _likeness(self, distance: Tensor) -> Tensor:
        return torch.exp(-((distance / (2 * self.bandwidth)) ** 2))


def _part(x: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    return x if len(x) <= n else x[_index(rng.choice(len(x), n, replace=False), x)]


def _index(index: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(index).to(like.device)


def _by_chunks(part: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([part(x[rows]) for rows in chunk_slices(len(x), _CHUNK)])


def _neighbor_distance(x: Tensor, n: int) -> Tensor:
    """Return the distance (m,) of each row to its n-th nearest other row."""
    n = min(n, len(x) - 1)
    return _by_chunks(
        lambda rows: torch.cdist(rows, x).topk(n + 1, largest=False).values[:, -1], x
    )


def _bandwidth(x: Tensor, quantile: float) -> float:
    width = _SHARE * torch.quantile(_neighbor_distance(x, _NEIGHBOR), quantile)
    # Where most rows are equal, what rounding can tell apart.
    least = _RESOLUTION * (x - x.mean(0)).norm(dim=1).max()
    return float(torch.maximum(width, least)) or 1.0


def _surroundings(start: Tensor) -> Callable[[Tensor], Tensor]:
    center = start.mean(0)
    start, radius = start - center, _neighbor_distance(start, _SURROUNDINGS)
    offset = (start**2).sum(1) - radius**2

    def inside(x: Tensor) -> Tensor:
        x = x - center
        least = _by_chunks(
            lambda rows: torch.addmm(offset, rows, start.T, alpha=-2).amin(1), x
        )
        return least + (x**2).sum(1) <= 0

    return inside


def _inverse_density(x: Tensor, rng: np.random.Generator, bound: float) -> Tensor:
    """Return 1 / kernel density (m,) at rows, up to a factor, of median 1."""
    centers = _part(x, _MAX_CENTERS, rng)
    origin = centers.mean(0)
    width = _bandwidth(centers, _QUANTILE)
    x, centers = (x - origin) / width, (centers - origin) / width
    offset = -(centers**2).sum(1) / 2
    log_density = (
        _by_chunks(
            lambda rows: torch.logsumexp(torch.addmm(offset, rows, centers.T), 1), x
        )
        - (x**2).sum(1) / 2
    )
    return torch.exp(log_density.median() - log_density).clamp(
        max=min(bound, len(centers))
    )


def _kish(weights: Tensor) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


def _draw(weights: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    """Draw n indices by the weights: each as often as they say, to a whole number."""
    cumulative = weights.cumsum(0).cpu().numpy()
    shares = rng.permutation((np.arange(n) + rng.random()) / n)
    index = np.searchsorted(cumulative / cumulative[-1], shares)
    return _index(np.minimum(index, len(weights) - 1), weights)


def _thin(weights: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    """Draw n different indices by the weights, the largest of them bounded."""
    share = weights.cpu().numpy()
    # Shares above 1 are bounded; what they lose goes to the others.
    ranked = np.sort(share)[::-1]
    rest = np.cumsum(ranked[::-1])[::-1]
    certain = int(np.argmax((n - np.arange(n)) * ranked[:n] <= rest[:n]))
    share = np.minimum(share * (n - certain) / rest[certain], 1.0)
    order = rng.permutation(len(share))
    passed = np.floor(np.cumsum(share[order]) + rng.random())
    chosen = order[np.diff(passed, prepend=0.0) > 0]
    return _index(rng.permutation(chosen)[:n], weights)
