"""
Look at a model
===============

Numbers say how good generated rows are, pictures say in which way. Each display of
:mod:`manidiff.plotting` is made by one call, and keeps what it shows in its attributes.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    datasets,
)
from manidiff.model_selection import HeldOutMonitor
from manidiff.plotting import (
    CoverageCurveDisplay,
    NeighborDistanceDisplay,
    SamplesDisplay,
    ScoreFieldDisplay,
    TrainingCurveDisplay,
)

X, _ = datasets.make_torus(600, random_state=0)
X_train, X_heldout = X[:300], X[300:]
model = LocalPolynomialScoreDiffusion(random_state=0).fit(X_train)

# %%
# What is drawn
# -------------
# Rows of three columns stand in space, the training rows beside the generated ones.

_ = SamplesDisplay.from_estimator(model, X_train)

# %%
# Of more columns the first three principal axes are shown, in pairs.

digits = load_digits().data[:600]
of_digits = LocalPolynomialScoreDiffusion(random_state=0).fit(digits)
_ = SamplesDisplay.from_estimator(of_digits, digits, n_samples=600)

# %%
# Rows that are images stand over the training images that are nearest to them.

_ = SamplesDisplay.from_estimator(of_digits, digits, n_samples=10, image_shape=(8, 8))

# %%
# Whether it is copied
# --------------------
# On the left a model that draws new rows: they are a little farther from the training
# rows than held-out rows are. On the right one that hands its rows out: all distances
# are 0.

copies = EmpiricalScoreDiffusion(random_state=0).fit(X_train)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for fitted, ax in zip((model, copies), axes, strict=True):
    NeighborDistanceDisplay.from_estimator(fitted, X_train, X_heldout, ax=ax)
    ax.set_title(type(fitted).__name__)

# %%
# Whether a part is missing
# -------------------------
# In balls of which radius is at least half of the true mass? The fewer the rows, the
# wider the balls, so the curve of fresh rows is the one to reach.

_ = CoverageCurveDisplay.from_estimator(model, X_train, X_heldout)

# %%
# What was learned
# ----------------
# In the plane the score itself can be seen: where one step of denoising leads, at three
# levels of noise.

circle, _ = datasets.make_circle(100, random_state=0)
of_circle = EmpiricalScoreDiffusion(coarseness=1, random_state=0).fit(circle)
_ = ScoreFieldDisplay.from_estimator(of_circle, circle)

# %%
# How training went
# -----------------
# The history of a network, with what a monitor wrote into it.

monitor = HeldOutMonitor(X_train, X_heldout, every=1, n_samples=200)
network = CoarseScoreDiffusion(
    max_iter=600, width=64, depth=2, callbacks=[monitor], random_state=0
)
_ = TrainingCurveDisplay.from_estimator(network.fit(X_train))
plt.show()
