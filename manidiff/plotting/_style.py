"""What all displays share: colours, axes, and how many points go into one."""

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's palette, which colour-blind readers can tell apart.
GENERATED, HELD_OUT, CHOSEN = "#0072b2", "#d55e00", "#009e73"
TRAINING = "0.62"
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


def label_of(name):
    """Return a name as words."""
    return LABELS.get(name, name.replace("_", " "))


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
