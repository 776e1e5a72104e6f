"""Tables and figures of notebook 07 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from repro.chapters.how_sure import claims, effects, findings, paths, plots, pools, studies, tables
from repro.chapters.how_sure.laboratory import pool_sizes


def test_studies_are_drawn_at_their_means(lab):
    differences = studies.study_differences(lab)
    figure = plots.figure_studies(differences)
    test = differences.query("split == 'test' and method == 'rs'")
    marks = figure.axes[1].collections[2].get_offsets()  # after the two ranges
    assert marks[0, 0] == pytest.approx(100 * test["mean"].iloc[0])
    frame = tables.studies_table(differences, repetitions=3, note="x").frame
    assert frame["method"].tolist() == ["RS", "RS+ASHA"]
    assert "of 300 repetitions" not in findings.of_studies(differences, lab, repetitions=3)
    plt.close("all")


def test_bands_and_chance_are_drawn(lab, means):
    by = ["model", "method", "budget_gst"]
    full = effects.complete(means[means["space"].isin(["full", "grid"])])
    found = effects.effects(full, "overfits", by=by)
    axes = plots.figure_budgets({"runs that overfit (%)": found}, zero=False).axes
    assert axes[0].get_ylabel() == "runs that overfit (%)"
    chance = found[found["method"] == "grid"]["value"].iloc[0]
    assert axes[0].lines[0].get_ydata() == pytest.approx([100 * chance] * 2)
    chart = plots.figure_decision({"m": effects.effects(full, "score", by=by)})
    assert [t.get_text() for t in chart.axes[0].get_xticklabels()] == ["2", "4", "8"]
    plt.close("all")


def test_verdicts_add_up_to_all_walks(lab):
    shares = paths.verdict_shares(paths.walk_paths(lab))
    bars = plots.figure_verdicts(shares).axes[0].patches
    assert sum(bar.get_width() for bar in bars) == pytest.approx(100 * len(shares))
    assert "agree in" in findings.of_verdicts(shares)
    plt.close("all")


def test_tables_hold_estimates_with_both_errors(lab, means):
    frame = tables.overfitting_table(claims.shares_by_method(means), note="x").frame
    assert frame["method"].tolist() == ["grid again (chance)", "RS", "RS+ASHA"]
    rows = tables.contrasts(means)
    assert {"ASHA minus random search, 1 GST", "4 GST minus 1 GST"} <= set(rows["what"])
    assert np.hypot(rows["replay_error"], rows["pool_error"]).tolist() == pytest.approx(
        rows["error"].tolist()
    )
    assert tables.pools_table(pool_sizes(lab), note="x").frame["full"].tolist() == ["40"]
    named = pools.named_pools(lab)
    assert plots.figure_curves(pools.curves(named)).axes[0].get_title() == "tiny-electra, RTE"
    plt.close("all")
