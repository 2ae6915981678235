"""
Over-sample a class that has few rows
=====================================

Where one class has few rows, a classifier does well by overlooking it. More rows of it
can be drawn. SMOTE puts them on segments between neighbouring rows.
:class:`~manidiff.over_sampling.ManifoldOverSampler` puts them on the manifold of the
class where its rows show one, and elsewhere about the segments, as far as neighbours in
the other classes differ.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from manidiff.over_sampling import ManifoldOverSampler

# %%
# A class with a shape
# --------------------
# Thirty rows of a ring among 400 others. It is a curve, and the rows show it: new rows
# lie on the curve, and not on its chords.

rng = np.random.default_rng(0)
turn = rng.uniform(0, 2 * np.pi, 30)
ring = 2 * np.column_stack([np.cos(turn), np.sin(turn)])
X = np.concatenate([rng.normal(0, 1.4, (400, 2)), ring])
y = np.repeat([0, 1], [400, 30])

samplers = {
    "SMOTE": SMOTE(random_state=0),
    "ManifoldOverSampler": ManifoldOverSampler(random_state=0),
}
on_ring = {}
for name, sampler in samplers.items():
    on_ring[name] = sampler.fit_resample(X, y)[0][len(X) :]
    off = np.abs(np.linalg.norm(on_ring[name], axis=1) - 2).mean()
    print(f"{name:<21}{off:.4f} off the ring in the mean")

# %%
# A class without one
# -------------------
# 17 handwritten nines among 808 other digits, in 64 columns: far too few to tell what
# nines are like. The other half of the rows, with all its nines, is the test.


def few_nines(seed):
    """Return training and test rows, and whether each is a nine."""
    images, digit = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        images, digit == 9, test_size=0.5, stratify=digit, random_state=seed
    )
    kept = np.concatenate([np.flatnonzero(~y), np.flatnonzero(y)[:17]])
    return X[kept], X_test, y[kept], y_test


# %%
# Resample inside a pipeline of imbalanced-learn: it resamples what the classifier is
# fitted to, and never what it is tested on.

classifiers = {
    "logistic": LogisticRegression(max_iter=2000),
    "boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
}
scores = {}
for seed in range(3):
    X_train, X_test, y_train, y_test = few_nines(seed)
    for name in ("none", *samplers):
        for kind, classifier in classifiers.items():
            chain = make_pipeline(
                StandardScaler(), samplers.get(name, "passthrough"), classifier
            ).fit(X_train, y_train)
            chance = chain.predict_proba(X_test)[:, 1]
            scores.setdefault((name, kind), []).append(
                (
                    balanced_accuracy_score(y_test, chance > 0.5),
                    average_precision_score(y_test, chance),
                )
            )

print(
    f"{'rows added by':<21}{'classifier':<12}"
    f"{'balanced accuracy':>18}{'average precision':>19}"
)
for (name, kind), values in scores.items():
    accuracy, precision = np.mean(values, axis=0)
    print(f"{name:<21}{kind:<12}{accuracy:>18.3f}{precision:>19.3f}")

# %%
# Look at them
# ------------
# Above, the new rows of the ring. Below, those of the nines, along the two principal
# axes of the standardised training rows: nines that were held out spread farther than
# the segments of SMOTE reach.

X_train, X_test, y_train, y_test = few_nines(0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
plane = PCA(2, random_state=0).fit(X_train)
colors = {"SMOTE": "#d55e00", "ManifoldOverSampler": "#0072b2"}
figure, grid = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
for column, (name, sampler) in enumerate(samplers.items()):
    above, below = grid[:, column]
    above.scatter(*X[y == 0].T, s=8, color="0.8", linewidths=0, label="other class")
    above.scatter(
        *on_ring[name].T, s=8, color=colors[name], linewidths=0, label="new rows"
    )
    above.scatter(*ring.T, s=22, color="black", linewidths=0, label="rare class")
    above.set_title(name, color=colors[name], fontweight="bold")
    above.set(xlim=(-3.6, 3.6), ylim=(-3.2, 3.2), aspect="equal")

    new = sampler.fit_resample(X_train, y_train)[0][len(X_train) :]
    nines = {
        "held-out nines": (X_test[y_test], 22, "0.65"),
        "new rows": (new, 8, colors[name]),
        "training nines": (X_train[y_train], 26, "black"),
    }
    for label, (rows, size, color) in nines.items():
        rows = plane.transform(rows)
        below.scatter(*rows.T, s=size, color=color, linewidths=0, label=label)
    below.set(xlabel="first principal axis", ylabel="second")
for axes in grid[:, 0]:
    axes.legend(loc="upper left", fontsize=8)
for left, right in grid:
    right.sharex(left)
    right.sharey(left)

if len(sys.argv) > 1:
    figure.savefig(Path(sys.argv[1]), dpi=110)
plt.show()
