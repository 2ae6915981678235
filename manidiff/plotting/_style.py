"""What all displays share: colours, axes, and how many points go into one."""

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's palette, which colour-blind readers can tell apart.
GENERATED, HELD_OUT, CHOSEN = "#0072b2", "#d55e00", "#009e73"
TRAINING = "0.62"
IDEAL = "0.35"
# Words for the keys of histories and searches.
LABELS = {
    "coverage": "coverage",
    "energy_distance": "energy distance",
    "energy_ratio": "energy ratio",
    "excess_memorization": "excess memorisation",
    "held_out_gap": "held-out gap",
    "memorization_ratio": "memorisation ratio",
    "precision": "precision",
    "recall": "recall",
    "score": "log-density of held-out rows",
    "two_sample_auc": "two-sample AUC",
}
# Which direction is better, and what fresh rows score where it is one number for all
# data.
_BETTER = {
    "coverage": "higher",
    "energy_distance": "lower",
    "energy_ratio": "lower",
    "excess_memorization": "lower",
    "feature_likelihood_divergence": "lower",
    "held_out_gap": "lower",
    "loss": "lower",
    "maximum_mean_discrepancy": "lower",
    "memorization_ratio": "lower",
    "precision": "higher",
    "recall": "higher",
    "score": "higher",
    "sliced_wasserstein_distance": "lower",
    "two_sample_auc": "lower",
}
_IDEALS = {
    "energy_ratio": 1.0,
    "excess_memorization": 0.0,
    "feature_likelihood_divergence": 0.0,
    "held_out_gap": 0.0,
    "maximum_mean_discrepancy": 0.0,
    "two_sample_auc": 0.5,
}


def label_of(name):
    """Return a name as words."""
    return LABELS.get(name, name.replace("_", " "))


def name_panel(axes, name):
    """Write what is measured above, and at the side which direction is better."""
    axes.set_title(label_of(name))
    if name in _BETTER:
        axes.set_ylabel(f"{_BETTER[name]} is better", fontsize="small", color=IDEAL)


def mark_ideal(axes, name, ideals=None):
    """Draw a dotted line at what fresh rows score, where that is known."""
    ideal = {**_IDEALS, **(ideals or {})}.get(name)
    if ideal is not None:
        axes.axhline(
            ideal, color=IDEAL, linestyle=":", linewidth=1.2, label="fresh rows"
        )


def add_legends(all_axes):
    """Explain each label once, in the first axes that have it."""
    explained = set()
    for axes in all_axes:
        handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
        new = [label for label in handles if label not in explained]
        explained.update(new)
        if new:
            axes.legend([handles[label] for label in new], new)


def panels(n_panels, axes, *, size=(4.0, 2.6), n_columns=2):
    """Return n_panels axes: those given, or those of a new figure.

    Raises
    ------
    ValueError
        If another number of axes is given.
    """
    if axes is not None:
        axes = np.ravel(axes)
        if len(axes) != n_panels:
            raise ValueError(
                f"ax holds {len(axes)} axes, but there are {n_panels} panels. Pass as "
                "many, or ax=None for a new figure."
            )
        return axes
    n_columns = min(n_columns, n_panels)
    n_lines = -(-n_panels // n_columns)
    figure = plt.figure(
        figsize=(size[0] * n_columns, size[1] * n_lines), layout="constrained"
    )
    grid = figure.subplots(n_lines, n_columns, squeeze=False).ravel()
    for unused in grid[n_panels:]:
        unused.remove()
    return grid[:n_panels]


def unclutter(axes):
    """Take the upper and the right line off plane axes."""
    axes.spines[["top", "right"]].set_visible(False)


def marker_size(n_points):
    """Return the area of a marker: smaller the more there are."""
    return float(np.clip(4000 / max(n_points, 1), 2, 24))
