"""Pictures of what a model has learned and drawn, in scikit-learn's form.

Each display is made by a class method (`from_estimator`, `from_predictions`, ...),
keeps what it shows as attributes, and draws it with `plot`.
"""

from manidiff.plotting._coarseness import CoarsenessCurveDisplay
from manidiff.plotting._coverage import CoverageCurveDisplay
from manidiff.plotting._neighbor_distance import NeighborDistanceDisplay
from manidiff.plotting._samples import SamplesDisplay
from manidiff.plotting._score_field import ScoreFieldDisplay
from manidiff.plotting._training import TrainingCurveDisplay

__all__ = [
    "CoarsenessCurveDisplay",
    "CoverageCurveDisplay",
    "NeighborDistanceDisplay",
    "SamplesDisplay",
    "ScoreFieldDisplay",
    "TrainingCurveDisplay",
]
