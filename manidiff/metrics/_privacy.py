"""Whether an attacker can tell which rows were trained on."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.utils import check_random_state

from manidiff.metrics._neighbors import (
    as_fitted,
    check_at_least_one,
    check_real_sets,
    check_sets,
    choose,
    nearest_distances,
)


class AttackResult(NamedTuple):
    """What an attack returns."""

    auc: float
    tpr: float


def nearest_generated_attack(
    X_gen: Any, X_train: Any, X_heldout: Any, *, max_fpr: float = 0.01
) -> AttackResult:
    """Return how well distances to generated rows tell training from held-out rows.

    The attacker has the generated rows alone and takes rows that are near to one for
    training rows. Lower is better: fresh true rows score 0.5 and little more than
    `max_fpr`, copies of all training rows 1 and 1. It is a weak attack: a low score
    does not prove privacy.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.
    max_fpr : float, default=0.01
        Share of held-out rows that may be taken for training rows, from 0 to 1. With
        fewer than 1 / max_fpr held-out rows it is none of them.

    Returns
    -------
    result : named tuple of floats
        `auc`, the area under the ROC curve, and `tpr`, the share of training rows that
        are recognised when at most a share `max_fpr` of the held-out rows is mistaken
        for them. Both between 0 and 1.

    Raises
    ------
    ValueError
        If max_fpr is not between 0 and 1.

    References
    ----------
    Chen et al. (2020), "GAN-Leaks: A Taxonomy of Membership Inference Attacks against
    Generative Models". Carlini et al. (2022), "Membership Inference Attacks From First
    Principles", for the rate at few false positives.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import nearest_generated_attack
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout = rng.normal(size=(2, 200, 2))
    >>> nearest_generated_attack(X_train, X_train, X_heldout)
    AttackResult(auc=1.0, tpr=1.0)
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    return _attack(
        nearest_distances(X_train, X_gen, 1)[:, 0],
        nearest_distances(X_heldout, X_gen, 1)[:, 0],
        max_fpr,
    )


def loss_attack(
    estimator: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    sigma: float | None = None,
    n_draws: int = 4,
    max_fpr: float = 0.01,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Return how well the denoising loss tells training from held-out rows.

    The attacker has the fitted estimator and takes rows x for training rows when the
    loss ``E |D(x + sigma eps; sigma) - x|^2`` is small, where D is
    ``estimator.denoise``. Lower is better: an estimator that was fitted to fresh true
    rows, or knows no more of its rows than of others, scores 0.5 and little more than
    `max_fpr`; `EmpiricalScoreDiffusion` without smoothing, which consists of its
    training rows, goes to 1 and 1 as sigma goes to 0.

    Parameters
    ----------
    estimator : object with a method `denoise`
        A fitted estimator, in the place of generated rows. The noise in column j is
        ``sigma * estimator.scaling_.scale[j]``, and losses are measured in that unit;
        without the attribute the unit is 1.
    X_train, X_heldout : array-like of shape (n_rows, n_features)
        The rows it was fitted to, and others.
    sigma : float or None, default=None
        Standard deviation of the noise. None takes a quarter of
        ``estimator.nn_distance_``, the median distance of a training row to its nearest
        other one: such noise seldom carries a row near another, so that an estimator
        that remembers its rows returns them, and moves other rows.
    n_draws : int, default=4
        Number of draws of the noise that the loss is averaged over.
    max_fpr : float, default=0.01
        Share of held-out rows that may be taken for training rows, from 0 to 1. With
        fewer than 1 / max_fpr held-out rows it is none of them.
    max_rows : int, default=2000
        Of larger sets so many rows are drawn.
    random_state : int, RandomState instance or None, default=None
        Draws rows and noise.

    Returns
    -------
    result : named tuple of floats
        `auc`, the area under the ROC curve, and `tpr`, the share of training rows that
        are recognised when at most a share `max_fpr` of the held-out rows is mistaken
        for them. Both between 0 and 1.

    Raises
    ------
    ValueError
        If sigma is not above 0, or max_fpr not between 0 and 1.
    TypeError
        If `estimator` has no method `denoise`, or no `nn_distance_` and there is no
        sigma.

    References
    ----------
    Matsumoto, Miura, Yanai (2023), "Membership Inference Attacks against Diffusion
    Models". Carlini et al. (2022), "Membership Inference Attacks From First
    Principles", for the rate at few false positives.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff import EmpiricalScoreDiffusion
    >>> from manidiff.metrics import loss_attack
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout = rng.normal(size=(2, 100, 3))
    >>> memorising = EmpiricalScoreDiffusion(random_state=0).fit(X_train)
    >>> loss_attack(memorising, X_train, X_heldout, random_state=0).auc > 0.9
    True
    """
    if not callable(getattr(estimator, "denoise", None)):
        raise TypeError(
            f"estimator={estimator!r} has no method denoise(X, sigma). Pass a fitted "
            "estimator of manidiff."
        )
    given = X_train, X_heldout
    X_train, X_heldout = check_real_sets(*given)
    check_at_least_one(n_draws=n_draws, max_rows=max_rows)
    if sigma is None:
        sigma = _default_sigma(estimator)
    if not 0 < sigma < np.inf:
        raise ValueError(f"sigma={sigma!r} must be a finite number above 0.")
    rng = check_random_state(random_state)
    members, others = (choose(X, max_rows, rng) for X in (X_train, X_heldout))
    # Together, so that both meet the same batches and rounding.
    X = np.vstack([members, others])
    losses = denoising_losses(estimator, X, sigma, n_draws, rng, named_as=given)
    return _attack(losses[: len(members)], losses[len(members) :], max_fpr)


def denoising_losses(
    estimator: Any,
    X: np.ndarray,
    sigma: float,
    n_draws: int,
    rng: np.random.RandomState,
    *,
    named_as: tuple[Any, ...] = (),
) -> np.ndarray:
    """Return the squared error (n,) of denoising each row, in the scaled space.

    `named_as` are the sets that the rows come from, in case they are DataFrames.
    """
    scale = getattr(getattr(estimator, "scaling_", None), "scale", 1.0)
    losses = np.zeros(len(X))
    for _ in range(n_draws):
        noisy = X + sigma * scale * rng.normal(size=X.shape)
        given = as_fitted(estimator, noisy, *named_as)
        change = (estimator.denoise(given, sigma) - X) / scale
        losses += np.sum(change**2, axis=1) / n_draws
    return losses


def _default_sigma(estimator: Any) -> float:
    if not hasattr(estimator, "nn_distance_"):
        raise TypeError(
            f"estimator={estimator!r} has no attribute nn_distance_ to choose sigma "
            "by. Pass sigma."
        )
    return estimator.nn_distance_ / 4


def _attack(
    of_members: np.ndarray, of_others: np.ndarray, max_fpr: float
) -> AttackResult:
    """Return the success of taking rows with small values for members."""
    if not 0 <= max_fpr <= 1:
        raise ValueError(
            f"max_fpr={max_fpr!r} must lie between 0 and 1, for example 0.01."
        )
    member = np.repeat([1, 0], [len(of_members), len(of_others)])
    score = -np.concatenate([of_members, of_others])
    false_positives, true_positives, _ = roc_curve(member, score)
    return AttackResult(
        float(roc_auc_score(member, score)),
        float(true_positives[false_positives <= max_fpr].max()),
    )
