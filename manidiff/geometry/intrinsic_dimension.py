"""Estimates of the intrinsic dimension of a set of rows, by scikit-dimension."""

import numpy as np

# Its estimators, by the names that manidiff gives them.
LIBRARY_ESTIMATORS = {"two_nn": "TwoNN", "mle": "MLE", "local_pca": "lPCA"}


def library_dimension(rows: np.ndarray, name: str) -> float:
    """Return an estimate of the dimension of distinct rows (N, D).

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Distinct rows.
    name : {"two_nn", "mle", "local_pca"}
        Ratios of the distances to the two nearest rows (Facco et al. 2017), the
        maximum likelihood estimate of Levina and Bickel (2004), or the rank of
        neighbourhoods (Fukunaga and Olsen 1971; Cangelosi and Goriely 2007).

    Returns
    -------
    dimension : float
        At least 1; not rounded.

    Raises
    ------
    ImportError
        If scikit-dimension is missing.
    """
    try:
        from skdim import id as estimators
    except ImportError as error:
        raise ImportError(
            f"intrinsic_dim={name!r} needs scikit-dimension. Install it with "
            "pip install 'manidiff[dimension]', or use intrinsic_dim='auto'."
        ) from error
    if rows.shape[1] == 1:
        # There is nothing to estimate, and the library takes no single column.
        return 1.0
    if len(rows) < 4:
        raise ValueError(
            f"intrinsic_dim={name!r} needs at least 4 distinct rows of X, not "
            f"{len(rows)}. Use intrinsic_dim='auto'."
        )
    estimator = getattr(estimators, LIBRARY_ESTIMATORS[name])()
    # Ranks divide by the variance along directions that have none.
    with np.errstate(divide="ignore", invalid="ignore"):
        return max(float(estimator.fit(rows).dimension_), 1.0)
