"""Write the golden files of this version: python tests/data/make_golden_files.py.

Run it once for a new format, never again for an old one: `test_golden_files.py` shows
with these files that what an earlier version saved can be loaded.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.datasets import Torus
from manidiff.persistence import FORMAT_VERSION

FOLDER = Path(__file__).parent
SMALL = {"max_iter": 100, "width": 16, "depth": 1, "batch_size": 64, "n_steps": 4}
ESTIMATORS = {
    "coarse": CoarseScoreDiffusion(random_state=0, **SMALL),
    "coarse_cross_fitted": CoarseScoreDiffusion(
        training_law="cross_fitted", random_state=0, **SMALL
    ),
    "coarse_labels": CoarseScoreDiffusion(conditional=True, random_state=0, **SMALL),
    "coarse_refitted": CoarseScoreDiffusion(random_state=0, **SMALL),
    "coarse_surface": CoarseScoreDiffusion(
        final_step="local_polynomial", random_state=0, **SMALL
    ),
    "empirical": EmpiricalScoreDiffusion(coarseness=0.5, random_state=0),
    "empirical_smooth": EmpiricalScoreDiffusion(
        smoothing=0.5, n_steps=4, random_state=0
    ),
    "local": LocalPolynomialScoreDiffusion(random_state=0),
    "local_targets": LocalPolynomialScoreDiffusion(conditional=True, random_state=0),
}


def main():
    rows = Torus().sample(120, random_state=0)
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    others = {
        # Rows about no surface, whose halves are dealt to two networks.
        "coarse_cross_fitted": np.random.default_rng(0).normal(size=(120, 3)),
        # A curve is known more exactly than a network knows it.
        "coarse_refitted": np.column_stack(
            [np.cos(angle), 3 * np.sin(angle), np.cos(angle) ** 2]
        ),
    }
    targets = {
        "coarse_labels": np.where(rows[:, 2] > 0, "above", "below"),
        "local_targets": rows[:, 2],
    }
    weights = np.arange(120) % 3 + 1.0
    for name, estimator in ESTIMATORS.items():
        y = targets.get(name)
        given = others.get(name, rows)
        X = pd.DataFrame(given, columns=["east", "north", "up"])
        estimator.fit(X, y, sample_weight=weights)
        path = FOLDER / f"format_{FORMAT_VERSION}_{name}.manidiff"
        estimator.save(path)
        asked = {} if y is None else {"y": y[:20]}
        np.savez_compressed(
            path.with_suffix(".npz"),
            X=given[:20],
            **asked,
            samples=estimator.sample(20, random_state=0, **asked),
            scores=estimator.score_samples(X[:20], **asked),
            denoised=estimator.denoise(X[:20], 0.5, **asked),
        )


if __name__ == "__main__":
    main()
