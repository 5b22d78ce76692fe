from dataclasses import replace

import pytest

from edgeft.bench.cell import Bucket, Cell, agreement, summarize
from edgeft.bench.server import Trial
from edgeft.tasks import task_named
from tests.bench.makers import offline, run, singles


def test_runs_are_put_together_by_medians_and_percentiles_of_all() -> None:
    runs = [
        run(1.0, 90.0, load_ms=10.0, peak_rss_bytes=5),
        run(2.0, 100.0, load_ms=99.0, peak_rss_bytes=7, steady=False),
        run(9.0, 500.0, load_ms=11.0, peak_rss_bytes=6),
    ]
    result = summarize(runs)
    assert result.samples == 300
    assert result.percentiles == {"p50_ms": 2.0, "p90_ms": 9.0, "p99_ms": 9.0, "p99_9_ms": None}
    assert result.quantiles_ms[0] == 1.0
    assert len(result.quantiles_ms) == 100
    assert result.single_p50_ms is not None
    assert result.single_p50_ms.values == (1.0, 2.0, 9.0)
    assert result.single_p50_ms.low is None  # three processes tell nothing of how sure it is
    assert result.load_ms.median == 11.0
    assert result.texts_per_s is not None
    assert result.texts_per_s.median == pytest.approx(100.0)
    assert result.tokens_per_s is not None
    assert result.tokens_per_s.median == pytest.approx(800.0)
    assert result.peak_rss_bytes is not None
    assert result.peak_rss_bytes.median == 6
    assert result.padding == pytest.approx(0.2)
    assert result.warmup_calls == 30
    assert not result.steady


def test_six_processes_have_an_interval() -> None:
    result = summarize([run(float(at), 10.0 * at) for at in range(1, 7)])
    assert result.single_p50_ms is not None
    assert (result.single_p50_ms.low, result.single_p50_ms.high) == (1.0, 6.0)


def test_cpu_seconds_and_joules_are_those_of_a_thousand_texts() -> None:
    one = run(1.0, offline=offline(100.0, passes=4, cpu_s=2.0, joules=8.0, energy_source="rapl"))
    result = summarize([one])
    assert result.cpu_s_per_1000 is not None
    assert result.cpu_s_per_1000.median == pytest.approx(5.0)
    assert result.joules_per_1000 is not None
    assert result.joules_per_1000.median == pytest.approx(20.0)
    assert summarize([run(1.0)]).joules_per_1000 is None  # which is not 0


def test_a_figure_that_one_process_lacks_is_not_told() -> None:
    assert summarize([run(1.0), run(1.0, peak_rss_bytes=None)]).peak_rss_bytes is None


def test_a_scenario_that_did_not_run_has_no_figures() -> None:
    result = summarize([run(1.0, singles=None, offline=None)])
    assert (result.single_p50_ms, result.texts_per_s, result.padding) == (None, None, None)
    assert (result.samples, result.single_split, result.offline_split) == (0, {}, {})
    assert result.percentiles["p50_ms"] is None
    assert result.first_ms.median == 20.0
    assert result.to_dict()["quantiles_ms"] == ()


def test_single_texts_are_told_apart_by_length() -> None:
    some = replace(singles(1.0, 2.0, 3.0, 40.0), tokens=[3, 16, 17, 900])
    assert summarize([run(1.0, singles=some)]).buckets == (
        Bucket(16, 2, 1.5), Bucket(32, 1, 3.0), Bucket(900, 1, 40.0),
    )  # fmt: skip


def test_the_split_is_of_the_time_and_the_rest_is_called_other() -> None:
    split = summarize([run(2.0)]).single_split
    assert split == pytest.approx({"tokenize": 0.1, "run": 0.8, "decode": 0.05, "other": 0.05})
    whole = offline(100.0, tokenize_s=0.1, run_s=0.6, decode_s=0.05, wait_s=0.2)
    assert summarize([run(1.0, offline=whole)]).offline_split == pytest.approx(
        {"tokenize": 0.1, "wait": 0.2, "run": 0.6, "decode": 0.05, "other": 0.05}
    )


def test_trials_at_the_same_rates_are_put_together_and_those_of_the_highest() -> None:
    def trial(rate: float, p99_ms: float) -> Trial:
        return Trial(rate, 300, 0, 1.0, p99_ms, rate - 1)

    runs = [
        run(1.0, trials=[trial(10.0, p99)], highest=trial(rate, 40.0), highest_rate=rate)
        for p99, rate in ((5.0, 50.0), (7.0, 60.0), (90.0, 55.0))
    ]
    result = summarize(runs)
    given, highest = result.trials
    assert given == {
        "rate_texts_per_s": 10.0, "arrivals": 900, "refused": 0, "goodput_texts_per_s": 9.0,
        "p50_ms": 1.0, "p99_ms": 7.0,
    }  # fmt: skip
    assert (highest["rate_texts_per_s"], highest["p99_ms"]) == (55.0, 40.0)
    assert result.highest_rate is not None
    assert result.highest_rate.median == 55.0


def test_a_process_that_never_kept_the_bound_counts_as_no_rate() -> None:
    kept = Trial(50.0, 300, 0, 1.0, 2.0, 50.0)
    never = run(1.0, highest_rate=0.0)
    result = summarize([run(1.0, highest=kept, highest_rate=50.0), never, never])
    assert result.highest_rate is not None
    assert result.highest_rate.median == 0.0
    (found,) = result.trials
    assert found["rate_texts_per_s"] == 50.0
    assert summarize([run(1.0)]).highest_rate is None  # which was not sought


def test_energy_is_that_of_the_processes_that_could_read_it() -> None:
    metered = run(1.0, offline=offline(100.0, joules=5.0, energy_source="battery"))
    result = summarize([run(1.0), run(1.0), metered])
    assert result.joules_per_1000 is not None
    assert (result.joules_per_1000.median, result.energy_source) == (50.0, "battery")
    assert summarize([run(1.0)]).joules_per_1000 is None


def test_agreement_is_what_the_task_says() -> None:
    assert agreement(task_named("text-classification"), [0, 1, 2, 2], [0, 1, 2, 0]) == 0.75
    # Of two and of one entity one is shared: 2 x 1 / 3; none in either is the same, too.
    ones, others = [((0, 3, 1), (5, 9, 2)), ()], [((0, 3, 1),), ()]
    same = agreement(task_named("token-classification"), ones, others)
    assert same == pytest.approx((2 / 3 + 1) / 2)
    # Two answers are the same where their span is, wherever else the words stand.
    ones = [("cat", 0, 3), ("", 0, 0), ("rain", 4, 8)]
    others = [("cat", 0, 3), ("", 0, 0), ("rain", 14, 18)]
    same = agreement(task_named("question-answering"), ones, others)
    assert same == pytest.approx(2 / 3)


def test_a_cell_names_what_was_chosen_and_no_more() -> None:
    assert str(Cell("cpu", "int8")) == "int8 on cpu"
    assert str(Cell("cuda:0", "fp16", 1, 64, 16)) == (
        "fp16 on cuda:0, 1 thread, batches of 64 tokens, 16 tokens each"
    )
