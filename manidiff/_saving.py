"""What takes an estimator out of a process: files, pickles and copies."""

from sklearn.utils.validation import check_is_fitted

from manidiff.persistence import state_as_data, state_from_data, write_estimator


class SavingMixin:
    """Saves an estimator; `manidiff.load` gives it back.

    Pickles and files of skops hold what was learned in the form that saved files have
    it in: numbers and text, and no object of torch or skorch.
    """

    def __getstate__(self):
        return state_as_data(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(state_from_data(state))

    def __copy__(self):
        # A shallow copy shares what was learned.
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def save(self, path):
        """Write the fitted estimator to a file, without pickle.

        One file of numbers and text: safetensors, with the parameters as JSON, a format
        version and a checksum. It is written whole or not at all: a process killed on
        the way leaves the file as it was. `manidiff.load` reads it, on a machine
        without the device of the fit too.

        Parameters
        ----------
        path : str or path-like
            The file, in a folder that exists. One that is there is replaced.

        Raises
        ------
        ValueError
            If the estimator holds what is not data. The parameters `module`,
            `optimizer` and `callbacks` are code and only named: see `manidiff.load`.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        write_estimator(self, path)
