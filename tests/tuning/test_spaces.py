import pickle

import numpy as np
import pytest

from repro.records import HYPERPARAMETERS
from repro.tuning.spaces import (
    FAMILIES,
    REDUCTIONS,
    Choice,
    LogUniform,
    SearchSpace,
    Uniform,
    default_configuration,
    grid_configurations,
    sample_configuration,
    search_space,
)

# Table 1 of Liu & Wang 2021, row by row; the ends of the learning rates are those of its columns.
TABLE_1 = {
    "electra": {
        "learning_rate": LogUniform(2.99e-5, 1.51e-4),
        "warmup_ratio": Uniform(0.0, 0.2),
        "attention_dropout": Uniform(0.0, 0.2),
        "hidden_dropout": Uniform(0.0, 0.2),
        "weight_decay": Uniform(0.0, 0.3),
        "batch_size": Choice((16, 32, 64)),
    },
    "roberta": {
        "learning_rate": Uniform(0.99e-5, 3.01e-5),
        "warmup_ratio": Uniform(0.0, 0.12),
        "attention_dropout": Uniform(0.0, 0.2),
        "hidden_dropout": Uniform(0.0, 0.2),
        "weight_decay": Uniform(0.0, 0.3),
        "batch_size": Choice((16, 32, 64)),
    },
}


def draws(space, seed, n=200):
    rng = np.random.default_rng(seed)
    return [sample_configuration(space, rng) for _ in range(n)]


@pytest.mark.parametrize("family", TABLE_1)
def test_full_space_is_table_1(family):
    space = search_space(family, epochs=3)
    assert space.name == "full" and space.family == family
    assert space.domains == TABLE_1[family]
    assert space.fixed == {"epochs": 3}


def test_electra_grid_is_table_1():
    rest = {
        "warmup_ratio": 0.1,
        "attention_dropout": 0.1,
        "hidden_dropout": 0.1,
        "weight_decay": 0.0,
        "batch_size": 32,
        "epochs": 10,
    }
    expected = [{"learning_rate": rate} | rest for rate in (3e-5, 1e-4, 1.5e-4)]
    assert grid_configurations("electra", epochs=10) == expected


def test_roberta_grid_is_table_1():
    rest = {
        "warmup_ratio": 0.06,
        "attention_dropout": 0.1,
        "hidden_dropout": 0.1,
        "weight_decay": 0.1,
        "epochs": 10,
    }
    expected = [
        {"learning_rate": rate, "batch_size": size} | rest
        for rate in (1e-5, 2e-5, 3e-5)
        for size in (16, 32)
    ]
    assert grid_configurations("roberta", epochs=10) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_every_grid_point_lies_in_the_full_space(family):
    domains = search_space(family, epochs=3).domains
    for point in grid_configurations(family, epochs=3):
        assert all(domain.contains(point[name]) for name, domain in domains.items())


@pytest.mark.parametrize("family", ["electra-mini", "roberta-mini", "bert-mini"])
def test_miniature_differs_from_its_paper_space_in_the_learning_rate_alone(family):
    paper = "roberta" if family == "roberta-mini" else "electra"
    mini, full = search_space(family, epochs=3).domains, search_space(paper, epochs=3).domains
    assert {name for name in full if mini[name] != full[name]} == {"learning_rate"}
    assert type(mini["learning_rate"]) is type(full["learning_rate"])
    assert len(grid_configurations(family, epochs=3)) == len(grid_configurations(paper, epochs=3))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_samples_lie_in_the_domains_and_keep_the_fixed_values(family, reduction):
    space = search_space(family, epochs=4, reduction=reduction)
    for configuration in draws(space, seed=1):
        assert list(configuration) == [n for n in HYPERPARAMETERS if n in configuration]
        assert set(configuration) == set(default_configuration(family, epochs=4))
        assert all(d.contains(configuration[name]) for name, d in space.domains.items())
        assert all(configuration[name] == value for name, value in space.fixed.items())


@pytest.mark.parametrize(
    ("family", "reduction", "searched"),
    [
        ("electra", "s-wr", 5),
        ("electra", "s-wr-hdo", 4),
        ("electra", "smin", 1),
        ("roberta", "s-wr", 5),
        ("roberta", "s-wr-hdo", 4),
        ("roberta", "smin", 2),
        ("bert-mini", "smin", 1),
        ("roberta-mini", "smin", 2),
    ],
)
def test_reductions_search_fewer_hyperparameters(family, reduction, searched):
    space = search_space(family, epochs=3, reduction=reduction)
    assert space.name == reduction and len(space.domains) == searched


def test_reductions_fix_the_grids_values():
    assert search_space("electra", epochs=3, reduction="s-wr").fixed == {
        "epochs": 3,
        "warmup_ratio": 0.1,
    }
    assert search_space("roberta", epochs=3, reduction="s-wr-hdo").fixed == {
        "epochs": 3,
        "warmup_ratio": 0.06,
        "hidden_dropout": 0.1,
    }
    assert set(search_space("electra", epochs=3, reduction="smin").domains) == {"learning_rate"}
    assert set(search_space("roberta", epochs=3, reduction="smin").domains) == {
        "learning_rate",
        "batch_size",
    }


def test_default_is_the_lower_middle_of_the_grid():
    # three rates: the second; two batch sizes: the first
    assert default_configuration("electra", epochs=3)["learning_rate"] == 1e-4
    assert default_configuration("roberta", epochs=3)["learning_rate"] == 2e-5
    assert default_configuration("roberta", epochs=3)["batch_size"] == 16


def test_a_reduction_takes_the_name_of_what_it_fixes():
    space = search_space("electra", epochs=3, reduction="fixed-weight_decay+warmup_ratio")
    assert space.name == "fixed-warmup_ratio+weight_decay"
    assert space.fixed == {"epochs": 3, "warmup_ratio": 0.1, "weight_decay": 0.0}
    named = search_space("roberta", epochs=10, reduction="fixed-hidden_dropout+warmup_ratio")
    assert named == search_space("roberta", epochs=10, reduction="s-wr-hdo")


def test_sampling_depends_on_the_seed_alone():
    space = search_space("electra", epochs=3)
    first = draws(space, seed=7)
    np.random.seed(0)
    assert draws(space, seed=7) == first
    assert draws(space, seed=8) != first


def test_sampling_does_not_depend_on_the_order_of_the_domains():
    space = search_space("roberta", epochs=3)
    turned = SearchSpace(
        name=space.name,
        family=space.family,
        domains=dict(reversed(space.domains.items())),
        fixed=space.fixed,
    )
    assert draws(turned, seed=3) == draws(space, seed=3)


def test_log_uniform_halves_at_the_geometric_mean():
    # Below sqrt(1e-5 * 1e-3) = 1e-4 lies half of the mass; uniform would put 9 % there.
    # The share of 4,000 draws has a standard error of 0.008.
    rng = np.random.default_rng(0)
    values = np.array([LogUniform(1e-5, 1e-3).sample(rng) for _ in range(4000)])
    assert abs((values < 1e-4).mean() - 0.5) < 0.04


def test_uniform_halves_at_the_mean_and_choice_takes_all_values():
    rng = np.random.default_rng(0)
    values = np.array([Uniform(2.0, 6.0).sample(rng) for _ in range(4000)])
    assert abs((values < 4.0).mean() - 0.5) < 0.04
    assert {Choice((16, 32, 64)).sample(rng) for _ in range(100)} == {16, 32, 64}


def test_domains_know_their_members():
    assert Uniform(0.0, 0.2).contains(0) and Uniform(0.0, 0.2).contains(np.float64(0.2))
    assert not Uniform(0.0, 0.2).contains(0.21) and not Uniform(0.0, 0.2).contains("0.1")
    assert not Uniform(0.0, 0.2).contains(float("nan"))
    assert LogUniform(1e-5, 1e-3).contains(1e-5) and not LogUniform(1e-5, 1e-3).contains(0)
    assert Choice([16, 32]).contains(32) and not Choice([16, 32]).contains(64)


def test_samples_are_plain_values_and_spaces_pickle():
    space = search_space("electra", epochs=np.int64(3))
    assert {type(value) for value in draws(space, seed=0, n=1)[0].values()} == {float, int}
    assert pickle.loads(pickle.dumps(space)) == space


@pytest.mark.parametrize("domain", [Uniform, LogUniform])
@pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.3, 0.2), (0.1, float("inf"))])
def test_empty_range_is_refused(domain, low, high):
    with pytest.raises(ValueError, match=f"{domain.__name__} must be below `high`.*but got {low}"):
        domain(low, high)


def test_log_range_from_zero_is_refused():
    with pytest.raises(ValueError, match="must be above 0, but got 0.0; use Uniform"):
        LogUniform(0.0, 1.0)


def test_empty_choice_is_refused():
    with pytest.raises(ValueError, match="Choice must not be empty"):
        Choice(())


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="unknown family .* 'gpt'; known: electra, .*bert-mini"):
        search_space("gpt", epochs=3)
    with pytest.raises(ValueError, match="unknown family .* 'gpt'; known: electra"):
        grid_configurations("gpt", epochs=3)
    with pytest.raises(ValueError, match="reduction 'tiny'; known: full, s-wr, s-wr-hdo, smin"):
        search_space("electra", epochs=3, reduction="tiny")
    with pytest.raises(ValueError, match="'fixed-max_length' 'max_length'.*known: learning_rate"):
        search_space("electra", epochs=3, reduction="fixed-max_length")
    with pytest.raises(ValueError, match="hyperparameter 'momentum'.*known: learning_rate"):
        SearchSpace("full", "electra", {"momentum": Uniform(0.1, 0.2)}, {})


@pytest.mark.parametrize("epochs", [0, -1, 2.5, True, "3"])
def test_impossible_epochs_are_refused(epochs):
    with pytest.raises(ValueError, match="`epochs` must be an integer of at least 1"):
        search_space("electra", epochs=epochs)


def test_space_must_search_something_and_not_twice():
    everything = "+".join(search_space("electra", epochs=3).domains)
    with pytest.raises(ValueError, match="must search at least one hyperparameter"):
        search_space("electra", epochs=3, reduction=f"fixed-{everything}")
    with pytest.raises(ValueError, match="both for .'learning_rate'"):
        SearchSpace(
            name="full",
            family="electra",
            domains={"learning_rate": Uniform(0.1, 0.2)},
            fixed={"learning_rate": 0.1},
        )
