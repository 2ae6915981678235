"""Fidelity, novelty, coverage and score against the coarseness."""

from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from manidiff import metrics
from manidiff._utils.draws import draw_rows
from manidiff.metrics._neighbors import check_sets, choose
from manidiff.plotting._style import (
    CHOSEN,
    GENERATED,
    add_legends,
    mark_ideal,
    name_panel,
    panels,
    unclutter,
)

_METRICS = ("excess_memorization", "energy_distance", "coverage")
_COARSENESSES = (0, 0.25, 0.5, 1, 2, 4)


class CoarsenessCurveDisplay:
    """What becomes of fidelity, novelty, coverage and score as coarseness grows.

    One panel a measure; a line marks the chosen coarseness. Labels say whether
    higher or lower is better, dotted lines what fresh rows score where that is known.

    Use `from_estimator`, `from_predictions` or `from_search` to make one.

    Parameters
    ----------
    coarseness : ndarray of shape (n_candidates,)
        Increasing.
    curves : dict of ndarrays of shape (n_candidates,)
        Measures by name.
    spreads : dict of ndarrays of shape (n_candidates,), default=None
        Standard deviations over the splits of a search.
    chosen : float, default=None
        The coarseness to mark.
    param : str, default="coarseness"
        What was varied, for the labels: `smoothing` does as well.
    ideals : dict of floats, default=None
        What fresh rows score, by name; more than is known of all data.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One a panel.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict
        The curve of each measure.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff import EmpiricalScoreDiffusion
    >>> from manidiff.datasets import make_torus
    >>> from manidiff.plotting import CoarsenessCurveDisplay
    >>> X, _ = make_torus(200, random_state=0)
    >>> display = CoarsenessCurveDisplay.from_estimator(
    ...     EmpiricalScoreDiffusion(), X[:100], X[100:], coarseness=[0, 2]
    ... )
    >>> float(display.chosen)
    2.0
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        coarseness,
        curves,
        *,
        spreads=None,
        chosen=None,
        param="coarseness",
        ideals=None,
    ):
        self.coarseness = coarseness
        self.curves = curves
        self.spreads = spreads
        self.chosen = chosen
        self.param = param
        self.ideals = ideals

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_train,
        X_heldout,
        *,
        coarseness=_COARSENESSES,
        n_samples=1000,
        random_state=0,
        ax=None,
    ):
        """Fit an estimator at each coarseness and plot; the best score is chosen.

        Parameters
        ----------
        estimator : estimator with `coarseness`, `score` and `sample`
            Cloned, not changed.
        X_train, X_heldout : array-like of shape (n_rows, n_features)
            The rows to fit to, and others.
        coarseness : sequence of float, default=(0, 0.25, 0.5, 1, 2, 4)
            Each >= 0.
        n_samples : int, default=1000
            Rows to draw from each.
        random_state : int, default=0
            Seed of the draws.
        ax : array-like of four matplotlib Axes, default=None
            None makes a figure.

        Returns
        -------
        display : CoarsenessCurveDisplay
            With the artists.
        """
        X_gen, scores = {}, []
        for value in np.unique(np.asarray(coarseness, dtype=float)).tolist():
            model = clone(estimator).set_params(coarseness=value).fit(X_train)
            X_gen[value] = draw_rows(model, n_samples, random_state)
            scores.append(model.score(X_heldout))
        display = cls._of_draws(X_gen, X_train, X_heldout, "coarseness")
        display.curves["score"] = np.array(scores)
        display.chosen = display.coarseness[np.argmax(scores)]
        return display.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, X_gen, X_train, X_heldout, *, param="coarseness", chosen=None, ax=None
    ):
        """Plot rows that were drawn already.

        Parameters
        ----------
        X_gen : dict of float to array-like of shape (n_rows, n_features)
            Rows that were drawn at each coarseness.
        X_train, X_heldout : array-like of shape (n_rows, n_features)
            The rows that were fitted to, and others.
        param : str, default="coarseness"
            What was varied, for the labels.
        chosen : float, default=None
            The coarseness to mark.
        ax : array-like of three matplotlib Axes, default=None
            None makes a figure.

        Returns
        -------
        display : CoarsenessCurveDisplay
            With the artists.
        """
        display = cls._of_draws(X_gen, X_train, X_heldout, param)
        display.chosen = chosen
        return display.plot(ax=ax)

    @classmethod
    def _of_draws(cls, X_gen, X_train, X_heldout, param):
        """Measure the draws, and the training rows in their place for the ideals.

        The ideals are for as many rows: to most metrics training rows are fresh ones.
        """
        coarseness = sorted(X_gen)
        drawn = [
            check_sets(X_gen[value], X_train, X_heldout)[0] for value in coarseness
        ]
        train = check_sets(X_train, X_train, X_heldout)[0]
        size = min(map(len, [train, *drawn]))
        *parts, fresh = (
            choose(X, size, np.random.RandomState(0)) for X in (*drawn, train)
        )
        curves, ideals = {}, {}
        for name in _METRICS:
            metric = getattr(metrics, name)
            asks_for_copies = name == "excess_memorization"
            curves[name] = np.array(
                [
                    metric(rows, X_train, X_heldout)
                    for rows in (drawn if asks_for_copies else parts)
                ]
            )
            if not asks_for_copies:
                ideals[name] = metric(fresh, X_train, X_heldout)
        return cls(np.array(coarseness, float), curves, param=param, ideals=ideals)

    @classmethod
    def from_search(cls, search, *, param=None, negative=None, ax=None):
        """Plot the test scores of a search over the coarseness.

        Candidates that are no number, such as "auto", have no place on the axis and are
        left out. If one of them was the best, no line marks the chosen one.

        Parameters
        ----------
        search : GridSearchCV or RandomizedSearchCV
            Fitted.
        param : str, default=None
            Name of the parameter that was searched; None finds the one that ends in
            "coarseness" or "smoothing".
        negative : sequence of str, default=None
            Scores that were turned to make greater better, and are turned back. None
            turns back those that are never positive and bear the name of a metric of
            `manidiff.metrics`.
        ax : array-like of matplotlib Axes, default=None
            One a score. None makes a figure.

        Returns
        -------
        display : CoarsenessCurveDisplay
            With the artists.

        Raises
        ------
        ValueError
            If the search has no such parameter, varied others too, or tried no
            numbers.
        """
        check_is_fitted(search)
        results = search.cv_results_
        param = _searched(results, param)
        kept, values = _numbers(results, param)
        if len(np.unique(values)) < len(values):
            raise ValueError(
                f"The search varied more than {param}: its values repeat. Fix the "
                "other parameters and search again."
            )
        order = np.argsort(values)
        kept = kept[order]
        names = [k.removeprefix("mean_test_") for k in results if "mean_test_" in k]
        curves, spreads = {}, {}
        for name in names:
            mean = np.asarray(results[f"mean_test_{name}"], dtype=float)[kept]
            turned = _was_turned(name, mean) if negative is None else name in negative
            curves[name] = -mean if turned else mean
            spreads[name] = np.asarray(results[f"std_test_{name}"], dtype=float)[kept]
        best = getattr(search, "best_index_", None)
        chosen = None if best is None else results["params"][best][param]
        if not isinstance(chosen, Real):
            chosen = None
        # That of a step of a pipeline bears the name of the step.
        name = param.rpartition("__")[2]
        display = cls(values[order], curves, spreads=spreads, chosen=chosen, param=name)
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One a measure. None makes a figure.

        Returns
        -------
        display : CoarsenessCurveDisplay
            Itself, with the artists.
        """
        self.axes_ = panels(len(self.curves), ax)
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        for axes, (name, curve) in zip(self.axes_, self.curves.items(), strict=True):
            (line,) = axes.plot(
                self.coarseness, curve, "o-", color=GENERATED, markersize=4
            )
            self.lines_[name] = line
            if self.spreads is not None:
                spread = self.spreads[name]
                axes.fill_between(
                    self.coarseness,
                    curve - spread,
                    curve + spread,
                    color=GENERATED,
                    alpha=0.15,
                    linewidth=0,
                )
            if self.chosen is not None:
                axes.axvline(self.chosen, color=CHOSEN, linestyle="--", label="chosen")
            name_panel(axes, name)
            axes.set_xlabel(self.param)
            mark_ideal(axes, name, self.ideals)
            unclutter(axes)
        add_legends(self.axes_)
        return self


def _searched(results, param):
    searched = [k.removeprefix("param_") for k in results if k.startswith("param_")]
    if param is None:
        likely = [k for k in searched if k.endswith(("coarseness", "smoothing"))]
        param = likely[0] if likely else None
    if param not in searched:
        raise ValueError(
            f"param={param!r} was not searched. Use one of {searched}, or search over "
            "coarseness."
        )
    return param


def _numbers(results, param):
    """Return which candidates are numbers, and the numbers."""
    tried = [candidate[param] for candidate in results["params"]]
    kept = [i for i, value in enumerate(tried) if isinstance(value, Real)]
    if not kept:
        raise ValueError(
            f"The search tried {param}={tried}, none of which is a number to plot "
            "against. Search over numbers too, for example [0.5, 1.0, 2.0]."
        )
    return np.array(kept), np.array([tried[i] for i in kept], dtype=float)


def _was_turned(name, mean):
    """Return whether a score of that name is a distance with its sign turned."""
    return hasattr(metrics, name) and bool((mean <= 1e-9).all()) and mean.min() < 0
