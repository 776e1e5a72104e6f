"""Answers to the assignments that are right in another form, wrong, or forged."""

# Right answers that differ from the instructor's: (cell, what is there, what stands instead).
VARIANTS = {
    "asha_by_hand": [
        ("rungs", "return places", "return tuple(np.array(places))"),
        (
            "halving",
            "return ranked[: max(1, len(scores) // factor)]",
            "return np.array(ranked)[: max(1, len(scores) // factor)]",
        ),
        ("halving", "return names[0]", "return np.int64(names[0])"),
        ("asha", "return trained", "return pd.Series(trained)"),
        (
            "asha",
            "np.percentile(earlier, 100 * (1 - 1 / factor))",
            "np.quantile(earlier, 1 - 1 / factor)",
        ),
        (
            "losses",
            "int((quarters[ranked[:10]] < longest).sum())",
            "(quarters[ranked[:10]] < longest).sum()",
        ),
        ("losses", "1 - quarters.sum() / curves.size", "1 - np.mean(quarters / longest)"),
        ("orders", "return found", "return np.array(found)"),
    ],
    "overfitting_validation": [
        (
            "choose",
            'int(table.loc[table[column].idxmax(), "trial"])',
            'table.sort_values(column)["trial"].iloc[-1]',
        ),
        (
            "choose",
            'int(table.loc[table[column].idxmax(), "trial"])',
            'table["trial"].to_numpy()[np.argmax(table[column].to_numpy())]',
        ),
        ("luck", "np.random.default_rng(seed)", "np.random.RandomState(seed % 2**32)"),
        (
            "luck",
            "rng.binomial(n_examples, accuracy, size=(4000, n_trials))",
            "(rng.random((4000, n_trials, n_examples)) < accuracy).sum(axis=2)",
        ),
        ("optimism", "few.argmax()", "len(few) - 1 - few[::-1].argmax()"),
        (
            "optimism",
            "rows = rng.permutation(right.shape[0])[:n_trials]",
            "rows = rng.choice(right.shape[0], n_trials, replace=False)",
        ),
        ("optimism", "return float(np.mean(found))", "return np.mean(found)"),
        ("decision", "decision = decide(trials)", "decision = np.int64(decide(trials))"),
    ],
    "seeds_and_reporting": [
        ("spread", "values.std(ddof=1)", "pd.Series(values).std()"),
        (
            "intervals",
            "return tuple(np.percentile(_means(values, np.random.default_rng(seed)), [2.5, 97.5]))",
            "return np.percentile(_means(values, np.random.default_rng(seed)), [2.5, 97.5])",
        ),
        ("intervals", "size=(2000, len(values))", "size=(5000, len(values))"),
        ("intervals", "np.random.default_rng(seed)", "np.random.RandomState(seed)"),
        ("chance", "float((best > single).mean())", "np.mean(best > single)"),
        ("chance", "np.random.default_rng(seed)", "np.random.default_rng(seed + 17)"),
        (
            "reporting",
            "low, high = interval(values, seed=0)",
            "half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))\n"
            "        low, high = values.mean() - half, values.mean() + half",
        ),
        ("reporting", "return not low <= 0 <= high", "return np.bool_(low > 0) | (high < 0)"),
    ],
    "learning_rate_and_warmup": [
        ("schedule", "return step / n_warmup", "return np.float64(step) / n_warmup"),
        (
            "range",
            "list(np.geomspace(1e-4, 1e-2, 5))",
            "np.exp(np.linspace(np.log(1e-4), np.log(1e-2), 5))",
        ),
        ("range", "list(np.geomspace(1e-4, 1e-2, 5))", "[1e-4, 3e-4, 1e-3, 3e-3, 1e-2]"),
        ("range", "list(np.geomspace(1e-4, 1e-2, 5))", "list(np.geomspace(1e-4, 1e-2, 5))[::-1]"),
        (
            "trials",
            '"validation_score": scores})',
            '"validation_score": scores}).sort_values("validation_score")',
        ),
        (
            "reading",
            "best in (rates.min(), rates.max())",
            "np.bool_(best in set(rates.agg(['min', 'max'])))",
        ),
        ("reading", "return best, best in", "return np.float32(best), best in"),
        ("warmup", "return abs(score - other)", "return np.abs(score - other)"),
    ],
    "grid_against_random": [
        (
            "grid",
            "np.geomspace(1e-4, 1e-2, n)",
            "np.exp(np.linspace(np.log(1e-4), np.log(1e-2), n))",
        ),
        ("grid", "float(rate)", "rate"),
        ("grid", "itertools.product(rates, dropouts)", "((r, d) for d in dropouts for r in rates)"),
        ("random", "np.random.default_rng(seed)", "np.random.Generator(np.random.MT19937(seed))"),
        (
            "random",
            "    return [sample_configuration(space, rng) for _ in range(n)]",
            "    seeds = rng.integers(2**31, size=n)\n"
            "    return [sample_configuration(space, np.random.default_rng(s)) for s in seeds]",
        ),
        (
            "random",
            'len({configuration["learning_rate"] for configuration in configurations})',
            'np.unique([c["learning_rate"] for c in configurations]).size',
        ),
        (
            "expected",
            "return float((values * np.diff(at_most)).sum())",
            "return np.dot(values, np.diff(at_most))",
        ),
        (
            "searches",
            "max(train(configuration, search)",
            "np.float64(max(train(configuration, search)",
        ),
    ],
    "three_stage_factors": [
        ("variations", '"learning_rate": (2e-4, 2e-3)', '"learning_rate": [1e-4, 3e-3]'),
        ("one_factor", "baseline | {factor: value}", "{**baseline, factor: value}"),
        ("factors", "for seed in (1, 2)", "for seed in (2, 1)"),
        ("noise", "float(math.sqrt(variances.mean()))", "np.sqrt(variances.mean())"),
        (
            "effects",
            'return means.groupby("factor").max().to_dict()',
            'return {name: np.float32(v) for name, v in means.groupby("factor").max().items()}',
        ),
        (
            "effects",
            "return sorted(sizes, key=sizes.get, reverse=True)[:3]",
            "return np.array(sorted(sizes, key=sizes.get, reverse=True)[:3])",
        ),
        ("judging", "np.random.default_rng(seed)", "np.random.RandomState(seed % 2**32)"),
        ("judging", "normal(size=(n_worlds, 15, 2))", "normal(0.8, 0.02, size=(n_worlds, 15, 2))"),
    ],
    "three_stage_tuning": [
        ("grid", '"hidden_dropout": [0.1, 0.0]', '"hidden_dropout": np.array([0.1, 0.0])'),
        (
            "grid",
            '"learning_rate": [5e-4, 2e-3]',
            '"learning_rate": list(np.geomspace(5e-4, 2e-3, 2))',
        ),
        ("search", "Uniform(0.0, 0.2)", "Choice((0.0, 0.05, 0.1))"),
        ("search", "found.append((configuration, value))", "found.append([configuration, value])"),
        (
            "decision",
            'max(tuned, key=lambda row: row["validation_score"])',
            'sorted(tuned, key=lambda row: row["validation_score"])[-1]',
        ),
        (
            "repeats",
            '[train(configuration, "repeat", seed) for seed in (11, 12, 13, 14)]',
            'np.array([train(configuration, "repeat", seed) for seed in (11, 12, 13, 14)])',
        ),
        ("gain", "error = gains.std(ddof=1) / math.sqrt(4)", "error = pd.Series(gains).std() / 2"),
        (
            "report",
            '"more_than_noise": more_than_noise',
            '"more_than_noise": np.bool_(more_than_noise)',
        ),
    ],
    "exam": [
        ("early", "return total\n", "return np.int64(total)\n"),
        (
            "early",
            "ranked = sorted(curves.index, key=lambda trial: (-curves.loc[trial, column], trial))\n"
            "        return set(ranked[:k])",
            "rows = curves.sort_index()[column].sort_values(ascending=False, kind='stable')\n"
            "        return set(rows.head(k).index)",
        ),
        (
            "best_of_n",
            "ranked, total = sorted(scores), math.comb(len(scores), n)\n"
            "    return sum(score * math.comb(i, n - 1) / total for i, score in enumerate(ranked))",
            "rng = np.random.default_rng(3)\n"
            "    draws = rng.permuted(np.tile(scores, (20000, 1)), axis=1)[:, :n]\n"
            "    return draws.max(axis=1).mean()",
        ),
        ("best_of_n", "    return n\n", "    return np.int64(n)\n"),
        (
            "configurations",
            "return mean, mean - 1.96 * error, mean + 1.96 * error",
            "rng = np.random.RandomState(4)\n"
            "    draws = [rng.choice(x, (4000, len(x))).mean(axis=1) for x in (a, b)]\n"
            "    return [mean, *np.percentile(draws[0] - draws[1], [2.5, 97.5])]",
        ),
        ("configurations", "1.96 * error, mean + 1.96", "2.02 * error, mean + 2.02"),
        (
            "examples",
            "return mean, mean - 1.96 * error, mean + 1.96 * error",
            "rng = np.random.default_rng(1)\n"
            "    means = rng.choice(differences, (2000, len(differences))).mean(axis=1)\n"
            "    return np.array([mean, *np.percentile(means, [2.5, 97.5])])",
        ),
        (
            "examples",
            "return {trial for trial in range(len(right)) if lead(right, best, trial)[1] <= 0}",
            "return np.array([t for t in range(len(right)) if not lead(right, best, t)[1] > 0])",
        ),
    ],
}

# Wrong or forged answers, and a test that each must cost at least.
WRONG = {
    "asha_by_hand": [
        (
            "asha",
            "pool.score_after(trial, place)",
            "(pool.score_after(trial, places[-1]), pool.score_after(trial, place))[1]",
            "asha_never_looks_ahead",
        ),
        (
            "asha",
            "score = pool.score_after(trial, place)",
            "score = curves.loc[trial, place]",
            "asha_never_looks_ahead",
        ),
        ("losses", "1 - quarters.sum()", "quarters.sum()", "losses_by_hand"),
        ("losses", "final.max() - final[quarters == longest].max()", "0", "losses_by_hand"),
        ("orders", "run(Pool(curves), order)", "run(Pool(curves), names)", "orders_are_random"),
    ],
    "overfitting_validation": [
        ("choose", "table[column]", 'table["validation"]', "choose_looks_at_nothing_else"),
        (
            "optimism",
            "optimism = {",
            "optimism = {1: 0.0, 4: 0.02, 16: 0.04, 48: 99} or {",
            "optimism_of_these_trials",
        ),
        (
            "optimism",
            "rng.permutation(right.shape[1])",
            "np.arange(right.shape[1])",
            "optimism_in_clear_cases",
        ),
        (
            "decision",
            "decision = decide(trials)",
            'decision = pd.read_csv("sealed_test_scores.csv")["test_score"].idxmax()',
            "decided_by_validation",
        ),
        (
            "decision",
            "decision = decide(trials)",
            "decision = max(trials.trial, key=look_at_test)",
            "decided_by_validation",
        ),
        ("decision", "decision = decide(trials)", "decision = 17", "decided_by_validation"),
        ("look", "look_at_test(decision)", "0.8", "one_look_at_the_decision"),
    ],
    "seeds_and_reporting": [
        ("spread", "values.std(ddof=1)", "values.std()", "spread_is_of_sample"),
        ("intervals", ".mean(axis=1)", "[:, 0]", "interval_has_right_width"),
        ("chance", "best > single", "best >= single", "chance_in_clear_cases"),
        ("reporting", '"mean": values.mean()', '"mean": values.max()', "report_gives_means"),
        ("reporting", "return not low <= 0 <= high", "return False", "differences_are_judged"),
    ],
    "learning_rate_and_warmup": [
        (
            "schedule",
            "return (n_steps - step) / (n_steps - n_warmup)",
            "return 1.0",
            "schedule_everywhere",
        ),
        ("range", "np.geomspace", "np.linspace", "range_is_geometric"),
        ("warmup", "max(announced)", "min(announced)", "warmup_alone_differs"),
        (
            "trials",
            "[train(rate) for rate in learning_rates]",
            "[0.6, 0.7, 0.8, 0.7, 0.6]",
            "trials_as_announced",
        ),
        (
            "trials",
            "scores = [",
            "ledger = lambda: [{'learning_rate': r, 'warmup_ratio': w, 'seed': 1, "
            "'validation_score': 0.123} for r, w in [*((r, 0.1) for r in announced), (0.01, 0.0), "
            "(0.01, 0.3)]]\nscores = [0.123] * 5 or [",
            "trials_are_real",
        ),
        (
            "trials",
            "scores = [",
            "[ledger().pop() for _ in range(4) if train(1e-3)]\nscores = [",
            "trials_as_announced",
        ),
        (
            "reading",
            "return best, best in (rates.min(), rates.max())",
            "return 1e-3, False",
            "best_is_read",
        ),
    ],
    "grid_against_random": [
        ("space", "LogUniform(1e-4, 1e-2)", "Uniform(1e-4, 1e-2)", "space_is_stated"),
        ("random", "np.random.default_rng(seed)", "np.random.default_rng()", "draws_follow_seed"),
        ("searches", "draw(9, seed=0)}", "draw(9, seed=4)}", "trials_lie_in_stated_space"),
        (
            "searches",
            "max(train(configuration, search)",
            "max(0.9 + 0 * train(configuration, search)",
            "best_is_reported",
        ),
        (
            "expected",
            "np.sort(np.asarray(scores, float))",
            "np.asarray(scores, float)",
            "expected_best_in_general",
        ),
    ],
    "three_stage_factors": [
        ("noise", 'rest["seed"].map(baseline)', "baseline.mean()", "differences_are_paired"),
        ("effects", '["difference"].mean().abs()', '["difference"].mean()', "effects_are_measured"),
        ("judging", ".max(axis=1)", "[:, 0]", "threshold_is_simulated"),
        (
            "judging",
            "return float(np.percentile(largest / error, 95))",
            "return 2.0",
            "threshold_is_simulated",
        ),
        ("factors", "for seed in (1, 2)", "for seed in (1, 3)", "factors_are_trained"),
    ],
    "three_stage_tuning": [
        ("grid_results", '"grid")', '"grid", seed=2)', "grid_is_trained_as_stated"),
        ("search", "seed=seed, ", "", "search_follows_seed"),
        (
            "decision",
            "decision = decide(ledger())",
            "decision = dict(BASELINE)",
            "decided_by_validation",
        ),
        ("gain", "T_4 * error", "0.5 * error", "gain_is_judged"),
        (
            "report",
            "n_right = look",
            "look_at_test(BASELINE)\nn_right = look",
            "one_look_at_the_decision",
        ),
        ("report", "gain * N_VALIDATION", "gain * 100", "report_is_honest"),
    ],
    "exam": [
        ("early", "(place - before)", "place", "cost_by_hand"),
        ("early", "max(1, n_trials // factor)", "n_trials // factor", "cost_in_general"),
        ("early", "max(1, n_trials // factor)", "math.ceil(n_trials / factor)", "cost_in_general"),
        ("early", "best(curves.columns[-1])", "best(quarter)", "kept_is_counted"),
        ("early", "column], trial)", "column], -trial)", "kept_is_counted"),
        (
            "best_of_n",
            "math.comb(i, n - 1) / total for",
            "((i + 1) ** n - i**n) / len(scores) ** n for",
            "best_by_hand",
        ),
        ("best_of_n", "sorted(scores)", "list(scores)", "best_in_general"),
        (
            "best_of_n",
            "def enough(scores, margin):",
            "def enough(scores, margin, n=9):\n    return n",
            "enough_is_smallest",
        ),
        ("configurations", "len(a) + b.var", "len(a) - b.var", "difference_has_right_width"),
        (
            "configurations",
            "1.96 * error, mean + 1.96",
            "error, mean + 1",
            "difference_has_right_width",
        ),
        ("configurations", "low > margin", "low > 0", "verdicts_have_three_values"),
        ("configurations", '"open"\n', '"not better"\n', "verdicts_have_three_values"),
        (
            "examples",
            "differences.std(ddof=1) / math.sqrt(len(differences))",
            "math.sqrt((right[a].var() + right[b].var()) / len(differences))",
            "lead_is_paired",
        ),
        ("examples", "return {trial for", "return {best} or {trial for", "level_with_best"),
        ("examples", "[1] <= 0}", "[0] <= 0}", "level_with_best"),
    ],
}
