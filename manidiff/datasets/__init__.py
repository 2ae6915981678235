"""Manifolds to draw from, with exact projections, distances and laws."""

from manidiff.datasets._base import Manifold
from manidiff.datasets._rotations import RotationGroup, make_rotations
from manidiff.datasets._spheres import Circle, Sphere, make_circle, make_sphere
from manidiff.datasets._swiss_roll import SwissRoll, make_swiss_roll
from manidiff.datasets._tables import make_mixed_table
from manidiff.datasets._tori import (
    CurvedFlatTorus,
    KleinBottle,
    Torus,
    make_curved_flat_torus,
    make_klein_bottle,
    make_torus,
)

__all__ = [
    "Circle",
    "CurvedFlatTorus",
    "KleinBottle",
    "Manifold",
    "RotationGroup",
    "Sphere",
    "SwissRoll",
    "Torus",
    "make_circle",
    "make_curved_flat_torus",
    "make_klein_bottle",
    "make_mixed_table",
    "make_rotations",
    "make_sphere",
    "make_swiss_roll",
    "make_torus",
]
