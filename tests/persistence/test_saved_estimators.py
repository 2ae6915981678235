"""What is saved and loaded is the same estimator, to the last bit."""

import json
import sys
import warnings

import numpy as np
import pytest
import torch
from fitted_estimators import CASES, SMALL, make_fitted, make_labels, make_rows
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

import manidiff
from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.persistence.classes import ESTIMATOR_FIELDS

pytestmark = pytest.mark.usefixtures("few_likelihood_steps", "few_draws_on_surface")


def save_and_load(estimator, path, **kwargs):
    estimator.save(path)
    return manidiff.load(path, **kwargs)


def assert_same_answers(first, second, y=None):
    rows = make_rows().set_axis(first.feature_names_in_, axis=1)
    for ask in (
        lambda one: one.sample(40, random_state=5),
        lambda one: one.score_samples(rows, y),
        lambda one: one.denoise(rows, 0.3, y=y),
        lambda one: one.project(rows, y=y),
    ):
        np.testing.assert_array_equal(ask(first), ask(second))


@pytest.mark.parametrize("name", CASES)
def test_answers_are_the_same_to_the_last_bit(name, path):
    estimator, y = make_fitted(name)
    loaded = save_and_load(estimator, path)
    assert type(loaded) is type(estimator)
    assert_same_answers(estimator, loaded, y)
    if y is not None:
        np.testing.assert_array_equal(
            estimator.sample(9, y=y[0], random_state=1),
            loaded.sample(9, y=y[0], random_state=1),
        )


@pytest.mark.parametrize("name", CASES)
def test_parameters_and_attributes_are_the_same(name, path):
    estimator, _ = make_fitted(name)
    loaded = save_and_load(estimator, path)
    assert repr(loaded.get_params()) == repr(estimator.get_params()) or name == (
        "coarse-numpy"
    )
    assert vars(loaded).keys() == vars(estimator).keys()
    for attribute, value in vars(estimator).items():
        found = getattr(loaded, attribute)
        assert type(found) is type(value), attribute
        if isinstance(value, (np.ndarray, torch.Tensor)):
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)
        elif isinstance(value, (str, float, tuple, list)):
            assert found == value, attribute
    assert clone(loaded).get_params().keys() == estimator.get_params().keys()


@pytest.mark.parametrize("name", CASES)
def test_every_attribute_is_declared(name):
    estimator, _ = make_fitted(name)
    declared = ESTIMATOR_FIELDS[type(estimator).__name__].keys()
    learned = vars(estimator).keys() - estimator.get_params().keys()
    assert learned <= declared, "declare it in manidiff/persistence/classes.py"


@pytest.mark.parametrize("name", CASES)
def test_a_second_save_is_the_same_file(name, path):
    estimator, _ = make_fitted(name)
    loaded = save_and_load(estimator, path)
    first = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == first


def test_state_of_a_random_state_goes_on(path):
    estimator, _ = make_fitted("coarse-numpy")
    loaded = save_and_load(estimator, path)
    np.testing.assert_array_equal(
        loaded.random_state.get_state()[1], estimator.random_state.get_state()[1]
    )
    assert type(loaded.coarseness) is np.float32


def test_training_goes_on_from_a_loaded_estimator(path):
    estimator = CoarseScoreDiffusion(warm_start=True, random_state=0, **SMALL)
    loaded = save_and_load(estimator.fit(make_rows()), path)
    again = [
        one.fit(make_rows()).sample(5, random_state=0) for one in (estimator, loaded)
    ]
    np.testing.assert_array_equal(*again)


def test_loading_leaves_the_global_generators_alone(path):
    make_fitted("coarse")[0].save(path)
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1]
    manidiff.load(path)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])


def test_conditions_of_an_earlier_fit_are_not_kept(path):
    estimator = EmpiricalScoreDiffusion(conditional=True, random_state=0)
    estimator.fit(make_rows(), np.arange(60) % 2)
    estimator.set_params(conditional=False).fit(make_rows())
    loaded = save_and_load(estimator, path)
    assert not hasattr(loaded, "conditions_")
    assert_same_answers(estimator, loaded)


def test_data_that_a_callback_writes_into_the_history_is_kept(path):
    estimator, _ = make_fitted("empirical")
    record = {"drawn": np.ones((2, 3), np.float32), 3: (1, None), "loss": np.inf}
    estimator.history_.append(record)
    try:
        (loaded,) = save_and_load(estimator, path).history_
    finally:
        estimator.history_.clear()
    np.testing.assert_array_equal(loaded.pop("drawn"), record.pop("drawn"))
    assert loaded == record


@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_the_layout_of_the_rows_does_not_matter(path, order):
    X = np.random.default_rng(0).normal(size=(50, 20))
    X = np.repeat(X, 2, axis=0)[::2] if order == "strided" else np.array(X, order=order)
    estimator = CoarseScoreDiffusion(
        final_step="local_polynomial", random_state=0, **SMALL
    ).fit(X)
    loaded = save_and_load(estimator, path)
    np.testing.assert_array_equal(
        loaded.sample(30, random_state=0), estimator.sample(30, random_state=0)
    )


def test_approximate_neighbors(path, monkeypatch):
    pytest.importorskip("faiss")
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=400)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    estimator = LocalPolynomialScoreDiffusion(approximate_neighbors=True).fit(X)
    loaded = save_and_load(estimator, path)
    np.testing.assert_array_equal(loaded.project(X + 0.1), estimator.project(X + 0.1))
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match="needs faiss"):
        manidiff.load(path)


def test_the_file_is_safetensors_with_readable_json(path):
    from safetensors import safe_open

    make_fitted("coarse")[0].save(str(path))
    with safe_open(path, "numpy") as file:
        document = json.loads(file.metadata()["manidiff"])
        assert "scaling_.center" in file.keys()
    assert document["content"]["parameters"]["max_iter"] == 20
    assert document["versions"]["manidiff"] == manidiff.__version__
    assert document["versions"]["numpy"] == np.__version__


# What cannot be saved


def test_an_estimator_without_fit_is_refused(path):
    with pytest.raises(NotFittedError):
        EmpiricalScoreDiffusion().save(path)
    assert not path.exists()


def test_attributes_that_fit_does_not_set_are_named(path):
    estimator = clone(make_fitted("empirical")[0]).fit(make_rows())
    estimator.note_ = "mine"
    with pytest.raises(ValueError, match=r"\['note_'\] are no attributes that fit"):
        estimator.save(path)


def test_what_scikit_learn_hands_on_is_not_kept(path):
    estimator = clone(make_fitted("empirical")[0]).fit(make_rows())
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
    assert_same_answers(estimator, save_and_load(estimator, path))


def test_what_is_not_data_is_named(path):
    estimator, _ = make_fitted("empirical")
    estimator.history_.append({"watch": open})
    try:
        with pytest.raises(ValueError, match=r"history_\.0\.watch holds builtins\."):
            estimator.save(path)
    finally:
        estimator.history_.clear()
    assert not path.exists()


def test_a_subclass_is_refused(path):
    class Own(EmpiricalScoreDiffusion):
        pass

    with pytest.raises(ValueError, match=r"Own is not a class that files may hold"):
        Own().fit(make_rows()).save(path)


def test_parameters_that_no_longer_fit_are_refused(path):
    estimator = clone(make_fitted("empirical")[0]).fit(make_rows())
    with pytest.raises(ValueError, match="'n_steps' parameter"):
        estimator.set_params(n_steps=-1).save(path)
    with pytest.raises(ValueError, match="conditional is True"):
        estimator.set_params(n_steps=4, conditional=True).save(path)


# Code, and what looks like it


class OwnNetwork(nn.Module):
    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.linear = nn.Linear(n_features, n_features).to(torch.bfloat16)
        self.norm = nn.BatchNorm1d(n_features)

    def forward(self, inputs, noise):
        return self.norm(self.linear(inputs.to(torch.bfloat16)).to(inputs.dtype))


class WiderNetwork(OwnNetwork):
    def __init__(self, *shape):
        super().__init__(*shape)
        self.more = nn.Linear(1, 1)


class Stateful(nn.Module):
    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.linear = nn.Linear(n_features, n_features)

    def forward(self, inputs, noise):
        return self.linear(inputs)

    def get_extra_state(self):
        return {"more": "than numbers"}

    def set_extra_state(self, state):
        pass


def fit_with(module, **kwargs):
    estimator = CoarseScoreDiffusion(
        module=module, max_iter=5, batch_size=32, n_steps=2, random_state=0, **kwargs
    )
    return estimator.fit(make_rows())


@pytest.mark.parametrize("module", [OwnNetwork, OwnNetwork(3, 0)])
def test_a_network_of_the_user_needs_its_module(path, module):
    estimator = fit_with(module)
    estimator.save(path)
    with pytest.raises(ValueError, match=r"weights of .*\. Pass the parameter module"):
        manidiff.load(path)
    loaded = manidiff.load(path, parameters={"module": module})
    assert loaded.module is module
    np.testing.assert_array_equal(
        loaded.sample(9, random_state=0), estimator.sample(9, random_state=0)
    )
    # The module passed in is left as it is.
    again = manidiff.load(path, parameters={"module": module})
    assert again.net_.module_ is not loaded.net_.module_


def test_another_module_is_refused(path):
    fit_with(OwnNetwork).save(path)
    for other, message in [(WiderNetwork, "more.weight"), (OwnNetwork(2, 0), "(2, 2)")]:
        with pytest.raises(manidiff.persistence.FileFormatError) as error:
            manidiff.load(path, parameters={"module": other})
        assert message in str(error.value)


def test_extra_state_that_is_no_tensor_is_refused(path):
    with pytest.raises(ValueError, match="extra state '_extra_state' of Stateful"):
        fit_with(Stateful).save(path)


def test_a_path_is_text(path, tmp_path):
    estimator = CoarseScoreDiffusion(
        checkpoint=tmp_path / "checkpoint", random_state=0, **SMALL
    ).fit(make_rows())
    assert save_and_load(estimator, path).checkpoint == str(tmp_path / "checkpoint")


def test_conditional_that_was_set_after_the_fit_is_told(path):
    estimator = clone(make_fitted("empirical-bool")[0])
    estimator.fit(make_rows(), make_labels("bool")).set_params(conditional=False)
    with pytest.raises(ValueError, match="conditional is False, which is not how"):
        estimator.save(path)
    with pytest.raises(ValueError, match="fitted with conditional=True"):
        estimator.sample(2)
    estimator.fit(make_rows()).set_params(conditional=True)
    with pytest.raises(ValueError, match=r"conditional=False\. Set it back"):
        estimator.sample(2, y=True)
    with pytest.raises(ValueError, match="fitted with conditional=False"):
        estimator.denoise(make_rows(), 0.3, y=make_labels("bool"))
    with pytest.raises(ValueError, match="fitted with conditional=False"):
        estimator.score_samples(make_rows())


def watch(estimator):
    return False


def test_callbacks_and_optimizer_are_named_and_dropped(path):
    code = {"callbacks": [watch], "optimizer": torch.optim.SGD}
    estimator = CoarseScoreDiffusion(random_state=0, **code, **SMALL).fit(make_rows())
    estimator.save(path)
    with pytest.warns(UserWarning, match=r"callbacks=\[.*watch\], optimizer=torch"):
        loaded = manidiff.load(path)
    assert loaded.callbacks is None and loaded.optimizer is None
    assert_same_answers(estimator, loaded)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = manidiff.load(path, parameters=code)
    assert loaded.optimizer is torch.optim.SGD
    np.testing.assert_array_equal(
        loaded.fit(make_rows()).sample(5, random_state=0),
        estimator.sample(5, random_state=0),
    )


def test_only_code_is_asked_for(path):
    make_fitted("coarse")[0].save(path)
    with pytest.raises(ValueError, match=r"entry 'width'.* asks for \[\]"):
        manidiff.load(path, parameters={"width": 3})


def test_callbacks_of_scikit_learn_are_not_kept(path):
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring={"score": lambda e, X, y: e.score(X, y)})
    estimator = CoarseScoreDiffusion(random_state=0, **SMALL).set_callbacks(monitor)
    estimator.fit(make_rows().to_numpy())
    loaded = save_and_load(estimator, path)
    np.testing.assert_array_equal(
        loaded.sample(5, random_state=0), estimator.sample(5, random_state=0)
    )


# Devices


def test_a_missing_device_is_replaced_by_the_cpu(path):
    estimator, _ = make_fitted("coarse")
    estimator.device_ = "cuda:63"
    try:
        estimator.save(path)
    finally:
        estimator.device_ = "cpu"
    with pytest.warns(UserWarning, match="'cuda:63'.* goes on on the CPU"):
        loaded = manidiff.load(path)
    assert loaded.device_ == "cpu"
    assert_same_answers(estimator, loaded)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["coarse-surface", "local", "empirical-smooth"])
def test_what_was_fitted_on_a_device_is_loaded_on_it(name, path):
    estimator = clone(CASES[name][0]).set_params(device="cuda", random_state=0)
    loaded = save_and_load(estimator.fit(make_rows()), path)
    assert loaded.device_ == estimator.device_ != "cpu"
    np.testing.assert_allclose(
        loaded.sample(9, random_state=0), estimator.sample(9, random_state=0), rtol=1e-6
    )
