"""The claims of the seed study, on made-up runs with holes, and where there is little to tell."""

from repro.chapters.seeds.analysis import (
    best_scores,
    components_by_task,
    progress_matrices,
    rank_seeds,
    score_matrices,
)
from repro.chapters.seeds.claims import seed_claims
from repro.chapters.seeds.early_stopping import compare_settings
from repro.chapters.seeds.significance import concordance, seed_tests


def claims_of(scores):
    best = best_scores(scores)
    matrices = score_matrices(best)
    components = components_by_task(matrices)
    return seed_claims(
        scores,
        components=components,
        tests=seed_tests(matrices, components),
        agreement=concordance(rank_seeds(best)),
        stopping=compare_settings(progress_matrices(scores, best_so_far=True)),
    )


def test_claims_are_judged(scores):
    # WI was given an effect on both tasks, DO none; both tasks have the same order of WI seeds
    agrees = [claim.agrees for claim in claims_of(scores)]
    assert agrees == [None, None, True, None, True, True, True]


def test_degenerate_runs_are_judged_without_an_error(degenerate_scores):
    claims = claims_of(degenerate_scores)
    assert len(claims) == 7 and all(claim.here for claim in claims)
    assert claims[4].here == "no W" or "Kendall's W" in claims[4].here
