"""
Did it copy my rows?
====================

Before generated rows are handed out, two questions need an answer: are they any good,
and whom do they give away? :func:`manidiff.metrics.report` answers both, with every
figure beside what fresh true rows score. Here three models are fitted to half of a
medical table: one that consists of its rows, one that spreads them out, and a coarse
score.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion
from manidiff.metrics import report

# %%
# The data
# --------
# 569 patients, 30 columns of different units: distances mean something once the columns
# are standardised. Half of the patients are held out. No model sees them: they say what
# a fresh patient looks like.

table = load_breast_cancer(as_frame=True).data
train, held_out = train_test_split(table, test_size=0.5, random_state=0)
scaler = StandardScaler().set_output(transform="pandas").fit(train)
train, held_out = scaler.transform(train), scaler.transform(held_out)

# %%
# Three reports
# -------------
# A report draws as many rows as there are training rows, and measures them. Rows that
# were generated elsewhere can be given in the place of the model.

search = GridSearchCV(KernelDensity(), {"bandwidth": np.linspace(0.2, 1.2, 11)})
models = {
    "EmpiricalScoreDiffusion": EmpiricalScoreDiffusion(random_state=0),
    "KernelDensity": search.fit(train).best_estimator_,
    "LocalPolynomialScoreDiffusion": LocalPolynomialScoreDiffusion(random_state=0),
}
reports = {
    name: report(model.fit(train), train, held_out, random_state=0)
    for name, model in models.items()
}

# %%
# As text
# -------
# Printed, a report is a table with a sentence under each figure. That of the coarse
# score:

print(reports["LocalPolynomialScoreDiffusion"])

# %%
# As a page
# ---------
# In a notebook the same report is a page with pictures, and ``save`` writes it to one
# file: ``reports["EmpiricalScoreDiffusion"].save("report.html")``. This is the report
# on the model that consists of its rows. Its draws look like data by every measure of
# fidelity. Novelty and privacy say why: they are the data.

reports["EmpiricalScoreDiffusion"]

# %%
# Side by side
# ------------
# Below, each model against fresh true rows. The copies are found out by everything that
# knows the training rows. The kernel density, with the bandwidth that cross-validation
# chooses, is spread too widely: most of its rows lie off the data, and a classifier
# recognises nearly all of them. The coarse score comes near to fresh rows on most
# measures, and not on all: its draws are nearer to the training rows than fresh rows
# are, by a tenth, and whoever holds the *fitted estimator* can often tell training rows
# from others. Hand out the rows, not the model.

shown = {
    "precision": "precision\n(fidelity)",
    "memorization_interval.excess": "excess copies\n(novelty)",
    "distance_to_closest_record": "distance to closest\nrecord (novelty)",
    "coverage": "coverage",
    "two_sample_auc": "two-sample\nAUC",
    "nearest_generated_attack.auc": "attack with the\nrows: AUC",
    "loss_attack.auc": "attack with the\nestimator: AUC",
}
colors = {
    "EmpiricalScoreDiffusion": "#d55e00",
    "KernelDensity": "#999999",
    "LocalPolynomialScoreDiffusion": "#0072b2",
}
figure, axes = plt.subplots(figsize=(11, 4.2), layout="constrained")
places = np.arange(len(shown))
for offset, (name, found) in zip((-0.15, 0, 0.15), reports.items(), strict=True):
    by_name = {finding.name: finding for finding in found.findings}
    values = [by_name[key].value if key in by_name else np.nan for key in shown]
    axes.plot(places + offset, values, "o", ms=9, color=colors[name], label=name)
ideals = [by_name[key].ideal for key in shown]
axes.hlines(ideals, places - 0.35, places + 0.35, color="0.3", label="fresh true rows")
axes.grid(axis="y", color="0.9")
axes.set_xticks(places, shown.values())
axes.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside upper center", ncols=4, frameon=False)
plt.show()
