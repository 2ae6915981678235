"""Files that hold fitted estimators: numbers and text, never code.

One file is safetensors with JSON in its metadata. `container` knows the file, `values`
what may stand in it, `classes` which classes of the package may, and with what
attributes; `estimators` puts them together.
"""

from manidiff.persistence.checkpoints import open_checkpoint
from manidiff.persistence.container import FORMAT_VERSION
from manidiff.persistence.errors import FileFormatError
from manidiff.persistence.estimators import read_estimator, write_estimator
from manidiff.persistence.fingerprints import fingerprint
from manidiff.persistence.states import state_as_data, state_from_data

__all__ = [
    "FORMAT_VERSION",
    "FileFormatError",
    "fingerprint",
    "open_checkpoint",
    "read_estimator",
    "state_as_data",
    "state_from_data",
    "write_estimator",
]
