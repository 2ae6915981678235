"""Which step of a pipeline returns sparse rows, where another needs dense ones."""

from contextlib import contextmanager

from scipy import sparse

from manidiff.inverse._invertible import transformers


@contextmanager
def naming_sparse_steps(steps, X):
    """Say of a refusal of sparse rows which of the steps returned them.

    Parameters
    ----------
    steps : list of (str, transformer)
        Those before the last one, in a pipeline that is fitted to X in the block.
    X : array-like
        Training rows.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        found = None if "sparse" not in str(error).lower() else _first(steps, X)
        if found is None:
            raise
        name, step = found
        kind = type(step).__name__
        remedy = f"Put TruncatedSVD() behind {kind}, or pass X.toarray()."
        if "sparse_output" in step.get_params():
            remedy = f"Pass {kind}(sparse_output=False)."
        raise TypeError(
            f"Step {name!r} ({kind}) returns sparse rows, and a later step needs dense "
            f"ones. {remedy} That step said: {error}"
        ) from error


def _first(steps, X):
    """Return the first fitted step with sparse rows, and its name before it, or None.

    A step that is not fitted ends the search: what failed lies before it.
    """
    for name, step in transformers(steps):
        try:
            X = step.transform(X)
        except (AttributeError, TypeError, ValueError):
            return None
        if sparse.issparse(X):
            return name, step
    return None
