"""The article's spaces, and the miniature of them."""

import numpy as np
import pytest

from repro.chapters.strategies.spaces import SCALES, article_grid, bayesian_space, population_space
from repro.tuning.spaces import WholeNumber, sample_configuration


def test_the_article_grid_is_the_articles():
    # {"per_gpu_batch_size": [16, 32], "learning_rate": [2e-5, 3e-5, 5e-5], "num_epochs": [2, 3, 4]}
    grid = article_grid("article")
    assert len({tuple(c.values()) for c in grid}) == len(grid) == 2 * 3 * 3
    values = {name: sorted({c[name] for c in grid}) for name in grid[0]}
    assert values == {
        "learning_rate": [2e-5, 3e-5, 5e-5],
        "batch_size": [16, 32],
        "epochs": [2, 3, 4],
        "warmup_steps": [0],
    }


def test_the_bayesian_space_is_the_articles():
    domains = bayesian_space("article", n_train=100).domains
    bounds = {name: (domain.low, domain.high) for name, domain in domains.items()}
    assert bounds == {
        "batch_size": (16, 64),
        "weight_decay": (0, 0.3),
        "learning_rate": (1e-5, 5e-5),
        "warmup_steps": (0, 500),
        "epochs": (2, 5),
    }


def test_the_population_space_is_the_articles():
    domains = population_space("article").domains
    assert domains["batch_size"].values == (16, 32, 64)
    assert domains["epochs"].values == (2, 3, 4, 5)
    assert [domains["weight_decay"].low, domains["weight_decay"].high] == [0, 0.3]
    assert [domains["learning_rate"].low, domains["learning_rate"].high] == [1e-5, 5e-5]


def test_the_miniatures_warmup_is_in_proportion_to_its_data():
    # 500 x 249 / 2490 = 50
    domains = bayesian_space("article-mini", n_train=249).domains
    assert domains["warmup_steps"].high == 50


@pytest.mark.parametrize("scale", SCALES)
def test_drawn_configurations_lie_in_their_space(scale):
    for space in (bayesian_space(scale, n_train=250), population_space(scale)):
        rng = np.random.default_rng(3)
        for _ in range(20):
            drawn = sample_configuration(space, rng)
            assert all(domain.contains(drawn[name]) for name, domain in space.domains.items())


def test_whole_numbers_include_both_ends():
    rng = np.random.default_rng(0)
    domain = WholeNumber(2, 5)
    assert {domain.sample(rng) for _ in range(200)} == {2, 3, 4, 5}
    assert not domain.contains(2.5) and not domain.contains(6)
    with pytest.raises(ValueError, match="`low` of a WholeNumber must be below `high`"):
        WholeNumber(3, 3)
