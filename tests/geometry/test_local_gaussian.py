"""The local-Gaussian law: its moments, its groups and its regression targets."""

import numpy as np
import pytest
import torch

from manidiff.geometry.local_gaussian import LocalGaussianLaw

# A spacing so wide restores no variance, so that the step itself is seen.
NO_RESTORING = 1e9


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def rows():
    return torch.randn(200, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.5]) + 4


def equal(rows):
    return torch.full_like(rows[:, 0], 1 / len(rows))


def make(rows, weights=None, **kwargs):
    settings = {"n_neighbors": 20, "noise": 0.9, "temperature": 1.0, "spacing": 1e-6}
    weights = equal(rows) if weights is None else weights
    return LocalGaussianLaw(rows, weights, **{**settings, **kwargs})


def covariances(law):
    return torch.einsum("nkd,nk,nke->nde", law.factors, law.variances, law.factors)


def moments(law, weights):
    """Return the exact mean and covariance of the mixture."""
    mean = weights @ law.means
    offsets = law.means - mean
    between = offsets.T @ (weights[:, None] * offsets)
    return mean, between + torch.einsum("n,nde->de", weights, covariances(law))


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_mean_is_that_of_the_weighted_rows(rows, temperature):
    weights = torch.rand(len(rows), dtype=torch.float64)
    weights = weights / weights.sum()
    law = make(rows, weights, temperature=temperature)
    torch.testing.assert_close(weights @ law.means, weights @ rows)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_variances_along_the_principal_axes_are_restored(rows, temperature):
    law = make(rows, temperature=temperature)
    exact = np.cov(rows.numpy().T, bias=True)
    variances, axes = np.linalg.eigh(exact)
    found = axes.T @ moments(law, equal(rows))[1].numpy() @ axes
    np.testing.assert_allclose(np.diag(found), variances, rtol=1e-6)


def test_step_alone_nearly_keeps_second_moments_of_a_gaussian():
    rows = torch.randn(2000, 2, dtype=torch.float64)
    found = moments(make(rows, spacing=NO_RESTORING), equal(rows))[1]
    np.testing.assert_allclose(found, np.cov(rows.numpy().T), atol=0.1)


def test_components_are_one_step_towards_the_neighbourhood(rows):
    keep = (1 - 0.6**2) ** 0.5
    law = make(rows, noise=0.6, temperature=0.5, spacing=NO_RESTORING)
    means = []
    for i in (0, 17):
        near = (rows - rows[i]).norm(dim=1).argsort()[:21]
        means.append(rows[i] + (1 - keep) * (rows[near].mean(0) - rows[i]))
        expected = (0.5 * 0.6) ** 2 * np.cov(rows[near].numpy().T)
        np.testing.assert_allclose(covariances(law)[i], expected, atol=1e-9)
    # All means are shifted by one vector, which keeps their mean.
    torch.testing.assert_close(law.means[17] - law.means[0], means[1] - means[0])


def test_on_a_manifold_no_linear_map_bends_it(rows):
    law = make(rows, dim=3, spacing=1e-6)
    near = (rows - rows[0]).norm(dim=1).argsort()[:21]
    expected = 0.9**2 * np.cov(rows[near].numpy().T)
    np.testing.assert_allclose(covariances(law)[0], expected, atol=1e-9)


@pytest.mark.parametrize("dim", [None, 1, 2, 3])
def test_no_noise_keeps_the_rows(rows, dim):
    law = make(rows, noise=0.0, dim=dim)
    torch.testing.assert_close(law.means, rows)
    assert law.variances.abs().max() == 0


def test_axes_are_orthonormal(rows):
    factors = make(rows).factors
    gram = factors @ factors.mT
    torch.testing.assert_close(gram, torch.eye(3).double().expand_as(gram))


def test_groups_never_mix():
    # Two lines so close that neighbours would come from both.
    along = torch.rand(100, dtype=torch.float64)
    across = 1e-3 * (torch.arange(100) % 2).double()
    rows = torch.stack([along, across], 1)
    groups = [torch.arange(0, 100, 2), torch.arange(1, 100, 2)]
    law = make(rows, groups=groups, spacing=NO_RESTORING)
    np.testing.assert_allclose(law.means[:, 1], across, atol=1e-12)
    np.testing.assert_allclose(covariances(law)[:, 1], 0, atol=1e-12)
    mixed = make(rows, spacing=NO_RESTORING)
    assert (mixed.means[:, 1] - across).abs().max() > 1e-4


def test_groups_keep_their_means(rows):
    groups = [torch.arange(0, 50), torch.arange(50, 200)]
    weights = torch.rand(len(rows), dtype=torch.float64)
    law = make(rows, weights, groups=groups, spacing=NO_RESTORING)
    for group in groups:
        share = weights[group] / weights[group].sum()
        torch.testing.assert_close(share @ law.means[group], share @ rows[group])


def test_a_group_of_one_row_stays_that_row(rows):
    groups = [torch.tensor([7]), torch.arange(200)[torch.arange(200) != 7]]
    law = make(rows, groups=groups, spacing=NO_RESTORING)
    torch.testing.assert_close(law.means[7], rows[7])
    assert law.variances[7].abs().max() == 0


def test_neighbours_are_sought_where_asked(rows):
    # Nearest by one column only, so that components are long in the others.
    search = rows[:, 2:]
    law = make(rows, search_rows=search, spacing=NO_RESTORING)
    near = (search - search[5]).abs().squeeze(1).argsort()[:21]
    expected = 0.9**2 * np.cov(rows[near].numpy().T)
    np.testing.assert_allclose(covariances(law)[5], expected, atol=1e-9)


@pytest.mark.parametrize("n_rows", [2, 3, 5])
def test_few_rows_give_finite_components(n_rows):
    rows = torch.randn(n_rows, 4, dtype=torch.float64)
    law = make(rows, spacing=0.1)
    assert law.means.isfinite().all()
    assert law.variances.isfinite().all() and law.factors.isfinite().all()
    torch.testing.assert_close(law.means.mean(0), rows.mean(0))


def test_constant_directions_stay_constant(rows):
    rows = torch.cat([rows, torch.full((200, 1), 3.0)], 1)
    law = make(rows, spacing=0.1)
    np.testing.assert_allclose(law.means[:, 3], 3)
    np.testing.assert_allclose(covariances(law)[:, 3], 0, atol=1e-12)


def test_draws_have_the_law_of_their_component(rows):
    law, n = make(rows), 20_000
    index = torch.full((n,), 11)
    sigma = torch.full((n,), 0.3, dtype=torch.float64)
    x = law.noised(index, sigma)[0]
    covariance = covariances(law)[11] + 0.09 * torch.eye(3)
    # Whitened draws are standard normal. 4.5 standard errors, 9 comparisons: a false
    # alarm in 6 of 10^5 seeds.
    white = torch.linalg.solve(torch.linalg.cholesky(covariance), (x - law.means[11]).T)
    assert white.mean(1).abs().max() < 4.5 / n**0.5
    deviation = white @ white.T / n - torch.eye(3)
    assert deviation.abs().max() < 4.5 * (2 / n) ** 0.5


def test_target_is_the_posterior_mean_given_the_component(rows):
    law = make(rows)
    index = torch.arange(50)
    sigma = torch.linspace(0.05, 3, 50, dtype=torch.float64)
    x, target = law.noised(index, sigma)
    inner = covariances(law)[index]
    total = inner + sigma[:, None, None] ** 2 * torch.eye(3)
    offset = torch.linalg.solve(total, (x - law.means[index])[..., None])
    torch.testing.assert_close(target, law.means[index] + (inner @ offset).squeeze(2))


def test_targets_have_the_denoiser_of_the_mixture_as_regression_function(rows):
    rows, n, level = rows[:40], 20_000, 0.5
    law = make(rows, spacing=0.1)
    index = torch.randint(40, (n,))
    x, target = law.noised(index, torch.full((n,), level, dtype=torch.float64))
    total = covariances(law) + level**2 * torch.eye(3)
    offset = x[:, None] - law.means
    solved = torch.einsum("kde,nke->nkd", torch.linalg.inv(total), offset)
    logits = -((offset * solved).sum(2) + torch.logdet(total)) / 2
    inner = torch.einsum("kde,nke->nkd", covariances(law), solved)
    exact = torch.einsum("nk,nkd->nd", logits.softmax(1), law.means + inner)
    error = target - exact
    # The error is orthogonal to functions of x. 4.5 standard errors, 9 comparisons: a
    # false alarm in 6 of 10^5 seeds.
    for tested in (torch.ones_like(x), x - x.mean(0), exact - exact.mean(0)):
        products = error * tested
        deviation = products.mean(0) / products.std(0) * n**0.5
        assert deviation.abs().max() < 4.5


def test_kind_of_numbers_can_be_changed(rows):
    law = make(rows).to(torch.device("cpu"), torch.float32)
    x, target = law.noised(torch.arange(5), torch.ones(5))
    assert x.dtype == target.dtype == torch.float32
