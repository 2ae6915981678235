"""Log-densities at a noise level, from any score."""

from abc import abstractmethod

import numpy as np

from manidiff._utils.validation import check_noise_levels
from manidiff.diffusion.likelihood import (
    divergence_probes,
    log_density,
    noise_levels,
)


class LogDensityMixin:
    """The methods of an estimator that speak of densities.

    It knows the log-density from the noise level `_sigma_prior` on in closed form
    (`_log_prior`); below, it is integrated along the probability flow.
    """

    def score_samples(self, X, y=None, *, sigma=None):
        """Return the log-density of each row at the noise level `sigma_min_`.

        It is the log-density of what `sample` returns, convolved with normal noise of
        that standard deviation in the scaled space, per unit of X. Densities
        on a manifold exist only at a noise level: compare them at equal `sigma_min`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            With `conditional=True`: the density given y. Without y, class labels are
            averaged over by their training frequencies.
        sigma : float, default=None
            Another noise level in the scaled space, > 0. None is `sigma_min_`.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Natural logarithms, float64.

        Raises
        ------
        ValueError
            If sigma is not above 0, or y is missing or unknown.
        """
        Z = self._scaled(X)
        self._check_as_fitted()
        if sigma is None:
            sigma = self.sigma_min_
        sigma = float(check_noise_levels(sigma, 1)[0])
        if not self.conditional:
            log_p = self._log_density(Z, None, sigma)
        elif y is not None:
            log_p = self._log_density(Z, self.conditions_.transform(y, len(Z)), sigma)
        else:
            log_p = self._marginal_log_density(Z, sigma)
        return log_p + self.scaling_.log_jacobian

    def score(self, X, y=None):
        """Return the mean of `score_samples`: higher is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Held-out rows.
        y : array-like, default=None
            See `score_samples`; ignored unless `conditional=True`.

        Returns
        -------
        score : float
            Mean log-density. KernelDensity returns a total: divide that by n_samples.
        """
        return float(np.mean(self.score_samples(X, y)))

    @abstractmethod
    def _log_prior(self, x, sigma, conditions):
        """Return the closed-form log-density (n,) at the noise level sigma."""

    @abstractmethod
    def _sigma_prior(self):
        """Return the smallest noise level at which `_log_prior` is right."""

    def _log_density(self, Z, conditions, sigma):
        return self._by_chunks(
            lambda x, given: self._log_density_at(x, sigma, given), Z, conditions
        )

    def _log_density_at(self, x, sigma, conditions):
        """Return the log-density (n,) of points x (n, D) at the noise level sigma."""
        sigma_prior = self._sigma_prior()
        if sigma_prior <= sigma:
            return self._log_prior(x, sigma, conditions)
        return log_density(
            self._bound_denoiser(conditions, differentiable=True),
            x,
            sigmas=noise_levels(sigma, self.sigma_c_, sigma_prior),
            log_prior=lambda end: self._log_prior(end, sigma_prior, conditions),
            probes=self._probes(),
        )

    def _marginal_log_density(self, Z, sigma):
        encoder = self.conditions_
        if encoder.classes_ is None:
            raise ValueError(
                "y is missing: with continuous targets, conditional densities need "
                "the targets of the rows. Pass y to score or score_samples."
            )
        joint = [
            np.log(probability) + self._log_density(Z, np.tile(row, (len(Z), 1)), sigma)
            for row, probability in zip(
                encoder.encoded_, encoder.probabilities_, strict=True
            )
        ]
        return np.logaddexp.reduce(joint, axis=0)

    def _probes(self):
        axes = self.gaussian_.axes.numpy()
        return self._tensor(divergence_probes(axes, self._probe_seed))
