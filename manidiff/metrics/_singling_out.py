"""Whether statements about generated rows are true of just one training row."""

import warnings
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from manidiff._utils.random import draw_seed
from manidiff.metrics._neighbors import check_at_least_one, check_sets, choose

# Queries tried for each that is wanted: in few columns few single out a row.
_ATTEMPTS = 20


class SinglingOutResult(NamedTuple):
    """What `singling_out_attack` returns."""

    risk: float
    low: float
    high: float
    train_rate: float
    heldout_rate: float


def singling_out_attack(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    n_columns: int = 3,
    n_attacks: int = 500,
    level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> SinglingOutResult:
    """Return how much better single training rows are told than chance allows.

    The attacker makes statements such as "column 2 is at least 1.7 and column 5 at most
    3", each true of exactly one generated row, and counts those true of exactly one
    training row. Among held-out rows the same succeeds by chance, which is taken off.
    Lower is better: fresh true rows score about 0, copies about 1. From anonymeter.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. As many of the training and of the
        held-out rows enter, drawn from the larger set.
    n_columns : int, default=3
        Columns in a statement, at least 1; all of them where X has fewer.
    n_attacks : int, default=500
        Statements, at least 1. In one or two columns there may be fewer that are true
        of exactly one generated row; the interval is wider then.
    level : float, default=0.95
        Level of the interval, between 0 and 1.
    random_state : int, RandomState instance or None, default=None
        Draws rows and statements.

    Returns
    -------
    result : named tuple of floats
        `risk`, the success on training rows above that on held-out rows, over what the
        latter leaves to gain, from 0 to 1; `low` and `high`, the ends of its interval;
        `train_rate` and `heldout_rate`, the shares of statements that are true of
        exactly one row.

    Raises
    ------
    ImportError
        If anonymeter is not installed.
    ValueError
        If a number is out of range, or no statement is true of one generated row only.

    References
    ----------
    Giomi, Boenisch, Wehmeyer, Tasnádi (2023), "A Unified Framework for Quantifying
    Privacy Risk in Synthetic Data". Cohen, Nissim (2020), "Towards Formalizing the
    GDPR's Notion of Singling Out".

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import singling_out_attack
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout = rng.normal(size=(2, 200, 4))
    >>> found = singling_out_attack(X_train, X_train, X_heldout, random_state=0)
    >>> found.risk > 0.9
    True
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    check_at_least_one(n_columns=n_columns, n_attacks=n_attacks)
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must lie between 0 and 1, for example 0.95.")
    library = _library()
    from polars import DataFrame

    rng = check_random_state(random_state)
    size = min(len(X_train), len(X_heldout))
    # In a larger set fewer statements are true of just one row.
    sets = X_gen, choose(X_train, size, rng), choose(X_heldout, size, rng)
    names = [f"x{index}" for index in range(X_gen.shape[1])]
    generated, members, others = (
        DataFrame(X, schema=names).unique(maintain_order=True) for X in sets
    )
    statements = _statements(library, generated, n_columns, n_attacks, rng)
    with warnings.catch_warnings():
        # That no statement succeeds is not worth one: the rates show it.
        warnings.simplefilter("ignore", UserWarning)
        rates = library.EvaluationResults(
            n_attacks=len(statements),
            n_success=_n_singled_out(statements, members),
            n_control=_n_singled_out(statements, others),
            n_baseline=0,
            confidence_level=level,
        )
    risk = rates.risk()
    return SinglingOutResult(
        float(risk.value),
        float(risk.ci[0]),
        float(risk.ci[1]),
        float(rates.attack_rate.value),
        float(rates.control_rate.value),
    )


def _statements(
    library: Any, generated: Any, n_columns: int, n_attacks: int, rng: Any
) -> list:
    """Return up to so many statements, each true of one generated row."""
    generator = np.random.default_rng(draw_seed(rng))
    n_columns = min(n_columns, generated.width)
    if n_columns == 1:
        found = library.univariate(generated, n_attacks, generator)
    else:
        found = library.multivariate(
            generated, n_attacks, n_columns, _ATTEMPTS * n_attacks, generator
        )
    if not found:
        raise ValueError(
            "No statement about X_gen is true of just one row. Pass more columns or "
            "more generated rows."
        )
    return found


def _n_singled_out(statements: list, rows: Any) -> int:
    """Return how many statements are true of just one row."""
    counts = rows.select(
        statement.sum().alias(str(index)) for index, statement in enumerate(statements)
    )
    return sum(count == 1 for count in counts.row(0))


def _library() -> Any:
    try:
        from anonymeter.evaluators import singling_out_evaluator
        from anonymeter.stats.confidence import EvaluationResults
    except ImportError as error:
        raise ImportError(
            "singling_out_attack needs anonymeter. Install it with "
            "pip install 'manidiff[privacy]' and pip install --no-deps anonymeter: "
            "its metadata asks for an older numpy than manidiff, but it runs on both."
        ) from error
    return SimpleNamespace(
        EvaluationResults=EvaluationResults,
        univariate=singling_out_evaluator.univariate_singling_out_queries,
        multivariate=singling_out_evaluator.multivariate_singling_out_queries,
    )
