"""Which transformers can be undone."""

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

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


def is_invertible(transformer):
    """Return whether a transformer, fitted or not, has a working inverse_transform.

    Parameters
    ----------
    transformer : transformer
        Any object.

    Returns
    -------
    invertible : bool
        False also for those of scikit-learn whose `inverse_transform` raises unless
        asked for (`KernelPCA`, `SimpleImputer`), or does nothing (a
        `FunctionTransformer` with a `func` and no `inverse_func`), and for a `Pipeline`
        with a step that is not invertible.

    Examples
    --------
    >>> from sklearn.decomposition import PCA, KernelPCA
    >>> from manidiff.inverse import is_invertible
    >>> is_invertible(PCA()), is_invertible(KernelPCA())
    (True, False)
    """
    if isinstance(transformer, Pipeline):
        return all(is_invertible(step) for _, step in transformers(transformer.steps))
    if isinstance(transformer, FunctionTransformer):
        return transformer.func is None or transformer.inverse_func is not None
    return hasattr(transformer, "inverse_transform") and all(
        getattr(transformer, switch, True) for switch in _SWITCHES
    )
