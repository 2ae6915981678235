"""The function that reads an estimator from a file."""

from manidiff._coarse import CoarseScoreDiffusion
from manidiff._empirical import EmpiricalScoreDiffusion
from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff.persistence import read_estimator

_CLASSES = (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)


def load(path, *, parameters=None):
    """Return the fitted estimator that the method `save` wrote to a file.

    Nothing in the file is run. It gives the samples and scores of the estimator that
    was saved, on the same machine to the last bit.

    Parameters
    ----------
    path : str or path-like
        The file.
    parameters : dict, default=None
        Values of parameters that are code, which files do not hold: `module`, without
        which weights of a network of your own cannot be used, `optimizer` and
        `callbacks`. Of those that were set, `module` must be given; the others become
        None with a warning.

    Returns
    -------
    estimator : object
        The estimator. Where the device of its fit is missing it goes on on the CPU,
        with a warning.

    Raises
    ------
    manidiff.persistence.FileFormatError
        If the file is truncated, was changed, is none of manidiff, or of a later
        format. It is a ValueError.
    ValueError
        If `module` is missing in `parameters`, or the file asks for none of them.
    ImportError
        If faiss is missing and the estimator was fitted with it.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If a device is missing, or a parameter that is code becomes None.

    Examples
    --------
    >>> import os, tempfile
    >>> import manidiff
    >>> X, _ = manidiff.datasets.make_circle(100, random_state=0)
    >>> model = manidiff.LocalPolynomialScoreDiffusion(random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "circle.manidiff")
    ...     model.save(path)
    ...     loaded = manidiff.load(path)
    >>> bool((loaded.score_samples(X) == model.score_samples(X)).all())
    True
    """
    classes = {cls.__name__: cls for cls in _CLASSES}
    return read_estimator(path, classes, {} if parameters is None else parameters)
