"""Which transformers can be undone."""

from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

# Parameters of scikit-learn without which inverse_transform is there and only raises.
_SWITCHES = ("fit_inverse_transform", "add_indicator")


def transformers(steps):
    """Return the steps of a pipeline that change rows: neither None nor "passthrough".

    Steps are pairs of a name and a transformer.
    """
    return [
        (name, step)
        for name, step in steps
        if step is not None and not (isinstance(step, str) and step == "passthrough")
    ]


def is_invertible(transformer, *, if_selector=None):
    """Return whether a transformer, fitted or not, has a working inverse_transform.

    Parameters
    ----------
    transformer : transformer
        Any object.
    if_selector : bool, default=None
        The answer for selectors of features, which drop columns that only `fit` knows.
        None looks at the columns that a fitted one keeps.

    Returns
    -------
    invertible : bool
        False also for those of scikit-learn whose `inverse_transform` raises unless
        asked for (`KernelPCA`, `SimpleImputer`), or does nothing (a
        `FunctionTransformer` with a `func` and no `inverse_func`), for a `Pipeline`
        with a step that is not invertible, and for selectors of features
        (`SelectKBest`), whose `inverse_transform` fills dropped columns with zeros,
        unless they are fitted and keep all columns.

    Examples
    --------
    >>> from sklearn.decomposition import PCA, KernelPCA
    >>> from manidiff.inverse import is_invertible
    >>> is_invertible(PCA()), is_invertible(KernelPCA())
    (True, False)
    """
    if isinstance(transformer, Pipeline):
        return all(
            is_invertible(step, if_selector=if_selector)
            for _, step in transformers(transformer.steps)
        )
    if isinstance(transformer, SelectorMixin):
        return _keeps_all(transformer) if if_selector is None else if_selector
    if isinstance(transformer, FunctionTransformer):
        return transformer.func is None or transformer.inverse_func is not None
    return hasattr(transformer, "inverse_transform") and all(
        getattr(transformer, switch, True) for switch in _SWITCHES
    )


def _keeps_all(selector):
    """Return whether a selector is fitted and drops no column."""
    try:
        check_is_fitted(selector)
        return bool(selector.get_support().all())
    except NotFittedError:
        return False
