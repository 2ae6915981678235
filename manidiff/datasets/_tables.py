"""A table of mixed types, drawn from distributions that are written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from manidiff._utils.random import make_rng
from manidiff._utils.validation import check_n_samples

if TYPE_CHECKING:
    import pandas as pd

_LEVELS = ["primary", "secondary", "bachelor", "master"]
_CITIES = ["Aberdeen", "Bergen", "Cork", "Delft", "Exeter", "Funchal"]
_CITY_SHARES = [0.35, 0.25, 0.18, 0.12, 0.07, 0.03]
_FIRST_DAY = "2015-01-01"
_N_DAYS = 3650


def make_mixed_table(
    n_samples: int = 1000, *, random_state: int | np.random.RandomState | None = None
) -> pd.DataFrame:
    """Draw a table of customers with columns of every common type.

    With `level` the index 0 to 3 of the education, the columns are

    ============= ==================================================================
    column        law
    ============= ==================================================================
    age           int, normal(45, 16) rounded and cut to 18 ... 90
    education     ordered category, 4 levels: binomial(3, expit((age - 30) / 20))
    city          category, 6 levels with shares .35, .25, .18, .12, .07 and .03
    income        float with 2 decimals, lognormal: the logarithm is
                  normal(9.5 + .02 age + .25 level, .5)
    member        bool, Bernoulli(expit(-1.5 + .03 age + .8 [city is Bergen]))
    joined        datetime in whole days, uniform over 3650 days from 2015; the last
                  half of them for Exeter and Funchal
    visits        int, 0 with chance .35, else 1 + Poisson(2 + 4 member)
    spending      float with 2 decimals, 0 without visits, else gamma of shape 2 and
                  mean income visits / 1000
    rating        float 1, 1.5, ... 5, missing where there are no visits and by chance
                  .1 elsewhere: normal(3 + .4 level - .8 [city is Cork], .7), rounded
    loyalty       float in (0, 1), beta(1 + 3 member, 2)
    country       text, the same in every row
    churned       bool, Bernoulli(expit(f)) with f = 1 - 1.5 member - .35 visits
                  - .04 (age - 45) + 2 [city is Cork] + 1.5 (.5 - loyalty)
    ============= ==================================================================

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows, >= 1.
    random_state : int, RandomState instance or None, default=None
        None draws anew, an int repeats.

    Returns
    -------
    table : DataFrame of shape (n_samples, 12)
        Needs pandas.

    Raises
    ------
    ValueError
        If n_samples is not a positive int.

    Examples
    --------
    >>> from manidiff.datasets import make_mixed_table
    >>> table = make_mixed_table(100, random_state=0)
    >>> table.shape
    (100, 12)
    >>> str(table["joined"].dtype)[:10]
    'datetime64'
    """
    import pandas as pd

    n = check_n_samples(n_samples)
    rng = make_rng(random_state)
    age = np.clip(np.rint(rng.normal(45, 16, n)), 18, 90).astype(np.int64)
    level = rng.binomial(3, expit((age - 30) / 20))
    city = rng.choice(_CITIES, n, p=_CITY_SHARES)
    income = np.exp(rng.normal(9.5 + 0.02 * age + 0.25 * level, 0.5)).round(2)
    member = rng.random(n) < expit(-1.5 + 0.03 * age + 0.8 * (city == "Bergen"))
    late = np.isin(city, ["Exeter", "Funchal"])
    days = rng.integers(np.where(late, _N_DAYS // 2, 0), _N_DAYS)
    visits = np.where(rng.random(n) < 0.35, 0, 1 + rng.poisson(2 + 4 * member))
    spending = rng.gamma(2.0, income * visits / 2000).round(2)
    rating = rng.normal(3 + 0.4 * level - 0.8 * (city == "Cork"), 0.7)
    rating = np.clip((2 * rating).round() / 2, 1, 5)
    rating[(visits == 0) | (rng.random(n) < 0.1)] = np.nan
    loyalty = rng.beta(1 + 3 * member, 2.0)
    churn = 1 - 1.5 * member - 0.35 * visits - 0.04 * (age - 45)
    churn = churn + 2 * (city == "Cork") + 1.5 * (0.5 - loyalty)
    return pd.DataFrame(
        {
            "age": age,
            "education": pd.Categorical.from_codes(level, _LEVELS, ordered=True),
            "city": pd.Categorical(city, _CITIES),
            "income": income,
            "member": member,
            "joined": pd.Timestamp(_FIRST_DAY) + pd.to_timedelta(days, unit="D"),
            "visits": visits.astype(np.int64),
            "spending": spending,
            "rating": rating,
            "loyalty": loyalty,
            "country": "Utopia",
            "churned": rng.random(n) < expit(churn),
        }
    )
