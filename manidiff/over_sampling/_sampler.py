"""The sampler, in imbalanced-learn's interface."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_random_state

from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff._utils.compat import HasMethods
from manidiff._utils.draws import draw_rows
from manidiff._utils.random import draw_seed
from manidiff.over_sampling._chords import draw_between

try:
    from imblearn.over_sampling.base import BaseOverSampler
except ImportError as error:
    raise ImportError(
        "manidiff.over_sampling needs imbalanced-learn. Install it with "
        "pip install 'manidiff[imbalanced]'."
    ) from error


class ManifoldOverSampler(BaseOverSampler):
    """Over-sample with new rows on the manifold of each class.

    It serves wherever `imblearn.over_sampling.SMOTE` does, an
    `imblearn.pipeline.Pipeline` under cross-validation among them. SMOTE's rows lie on
    segments between neighbouring rows, inside a curved class and too close together.
    Where the rows of a class show a smooth manifold, these lie on it. Where they are
    too few or too scattered for that, they lie about the segments, by as much as
    neighbouring rows of the other classes differ: where neighbours differ alike in all
    classes, that makes good the variance that interpolation loses.

    Parameters
    ----------
    estimator : estimator with `sample`, default=None
        Any estimator of manidiff that is not conditional, or another with `sample`,
        such as `KernelDensity` or `GaussianMixture`. It is cloned, fitted to the rows
        of each class that needs more, and drawn from. None is
        `LocalPolynomialScoreDiffusion` for the classes in which it finds a manifold,
        and for the others the rows about segments.
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get new rows, and how many, as in imbalanced-learn: "auto" brings
        all classes to the size of the largest one; a float is the ratio of the smaller
        to the larger of two classes after resampling; a dict gives numbers of rows by
        class.
    random_state : int, RandomState instance or None, default=None
        Seeds the fits and the draws.

    Attributes
    ----------
    estimators_ : dict
        The fitted estimator of each class whose new rows were drawn from one; with
        `estimator=None`, of those in which a manifold was found.
    sampling_strategy_ : dict
        Number of new rows by class.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    imblearn.over_sampling.SMOTE : Points between neighbours.

    References
    ----------
    Chawla, Bowyer, Hall, Kegelmeyer (2002). "SMOTE: Synthetic Minority Over-sampling
    Technique", Journal of Artificial Intelligence Research.

    Hariharan, Girshick (2017). "Low-shot Visual Recognition by Shrinking and
    Hallucinating Features", ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.datasets import make_circle
    >>> from manidiff.over_sampling import ManifoldOverSampler
    >>> X, _ = make_circle(240, random_state=0)
    >>> X[200:] *= 2
    >>> y = np.repeat(["many", "few"], [200, 40])
    >>> X_new, y_new = ManifoldOverSampler(random_state=0).fit_resample(X, y)
    >>> int((y_new == "few").sum())
    200
    >>> bool(np.abs(np.linalg.norm(X_new[240:], axis=1) - 2).max() < 0.1)
    True
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "estimator": [HasMethods(["fit", "sample"]), None],
    }

    def __init__(self, estimator=None, *, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.estimator = estimator
        self.random_state = random_state

    def fit_resample(self, X, y, **params):
        """Return the rows with new ones for the classes that have too few.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows of finite numbers.
        y : array-like of shape (n_samples,)
            Their classes.
        **params : dict
            As in imbalanced-learn.

        Returns
        -------
        X_resampled : of the type of X, of shape (n_samples_new, n_features)
            The rows of X, then the new ones.
        y_resampled : of the type of y, of shape (n_samples_new,)
            Their classes.

        Raises
        ------
        ValueError
            If a class that is to get new rows has no two different ones, if
            `sampling_strategy` asks for fewer rows than a class has, if y has a single
            class, or if `estimator` has no `sample` or is conditional.
        """
        return super().fit_resample(X, y, **params)

    def _fit_resample(self, X, y):
        self._check_estimator()
        if sparse.issparse(X):
            X_new, y_new = self._fit_resample(X.toarray(), y)
            return type(X)(X_new), y_new
        random_state = check_random_state(self.random_state)
        by_class = {label: X[y == label].astype(np.float64) for label in np.unique(y)}
        self.estimators_ = {}
        rows, labels = [X], [y]
        for label, n_samples in self.sampling_strategy_.items():
            if n_samples == 0:
                continue
            drawn = self._draw(label, by_class, n_samples, random_state)
            rows.append(_in_dtype(drawn, X.dtype))
            labels.append(np.full(n_samples, label, dtype=y.dtype))
        return np.concatenate(rows), np.concatenate(labels)

    def _check_estimator(self):
        if self.estimator is None:
            return
        if self.estimator.get_params(deep=False).get("conditional"):
            raise ValueError(
                f"estimator={self.estimator!r} has conditional=True, but it is fitted "
                "to the rows of one class at a time, which have no y to condition on. "
                "Pass it with conditional=False."
            )

    def _draw(self, label, by_class, n_samples, random_state):
        rows = by_class[label]
        if (rows == rows[0]).all():
            raise ValueError(
                f"Class {label} has no two different rows, so nothing is known of "
                "where new ones lie. Leave it out of sampling_strategy, or repeat it "
                "with imblearn.over_sampling.RandomOverSampler."
            )
        estimator = LocalPolynomialScoreDiffusion()
        if self.estimator is not None:
            estimator = clone(self.estimator)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=draw_seed(random_state))
        estimator.fit(rows)
        seed = draw_seed(random_state)
        if self.estimator is None and estimator.final_step_ == "none":
            others = [by_class[other] for other in by_class if other != label]
            return draw_between(rows, others, n_samples, np.random.default_rng(seed))
        self.estimators_[label] = estimator
        return draw_rows(estimator, n_samples, seed)


def _in_dtype(drawn, dtype):
    """Return rows in a dtype, to its nearest whole number where it holds only those."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        drawn = np.clip(np.rint(drawn), limits.min, limits.max)
    return drawn.astype(dtype, copy=False)
