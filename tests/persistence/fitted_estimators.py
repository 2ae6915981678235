"""Small fitted estimators, one for each path that learned state can take."""

from functools import cache

import numpy as np
import pandas as pd

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

SMALL = {"max_iter": 20, "width": 16, "depth": 1, "batch_size": 32, "n_steps": 4}


@cache
def make_rows():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=60)
    rows = np.column_stack([np.cos(angle), 3 * np.sin(angle), np.cos(angle) ** 2])
    return pd.DataFrame(rows, columns=["east", "north", "up"])


@cache
def make_labels(kind):
    rows = make_rows()
    return {
        "text": np.where(rows["east"] > 0, "high", "low"),
        "object": np.where(rows["east"] > 0, "high", "low").astype(object),
        "int": (rows["east"] > 0).to_numpy().astype(int),
        "bool": (rows["east"] > 0).to_numpy(),
        "target": rows["east"].to_numpy(),
        "targets": rows[["east", "up"]].to_numpy(),
    }[kind]


SURFACE = {"final_step": "local_polynomial"}
# (estimator, kind of y, whether rows are weighted)
CASES = {
    "empirical": (EmpiricalScoreDiffusion(), None, False),
    "empirical-weights": (EmpiricalScoreDiffusion(coarseness=0.5), None, True),
    "empirical-smooth": (
        EmpiricalScoreDiffusion(smoothing=0.5, n_steps=4),
        None,
        False,
    ),
    "empirical-bool": (EmpiricalScoreDiffusion(conditional=True), "bool", False),
    "empirical-targets": (EmpiricalScoreDiffusion(conditional=True), "targets", False),
    "local": (LocalPolynomialScoreDiffusion(), None, True),
    "local-none": (LocalPolynomialScoreDiffusion(final_step="none"), None, False),
    "local-isotropic": (LocalPolynomialScoreDiffusion(noise="isotropic"), None, False),
    "local-text": (LocalPolynomialScoreDiffusion(conditional=True), "text", False),
    "coarse": (CoarseScoreDiffusion(**SMALL), None, True),
    "coarse-numpy": (
        CoarseScoreDiffusion(
            coarseness=np.float32(0.5),
            scaling=None,
            random_state=np.random.RandomState(3),
            **SMALL,
        ),
        None,
        False,
    ),
    "coarse-object": (CoarseScoreDiffusion(conditional=True, **SMALL), "object", True),
    "coarse-int": (CoarseScoreDiffusion(conditional=True, **SMALL), "int", False),
    "coarse-target": (CoarseScoreDiffusion(conditional=True, **SMALL), "target", False),
    "coarse-surface": (CoarseScoreDiffusion(**SURFACE, **SMALL), None, False),
}


@cache
def make_fitted(name):
    estimator, kind, is_weighted = CASES[name]
    if estimator.random_state is None:
        estimator.set_params(random_state=0)
    weights = np.arange(60) % 4 + 0.5 if is_weighted else None
    y = None if kind is None else make_labels(kind)
    return estimator.fit(make_rows(), y, sample_weight=weights), y
