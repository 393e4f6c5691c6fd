from __future__ import annotations

import re

import numpy as np
import pytest

from league.testing import fit
from league.testing.unseen import (
    ELSEWHERE,
    WANTED,
    Errors,
    Found,
    classic_windows,
    found,
    likened,
    main,
    measured,
)


def made(chance, recordings=6, each=60):
    """Errors of a car that are worse in later recordings, and each window's recording."""
    source = np.repeat(np.arange(recordings), each)
    worse = 1 + source / 2
    place = chance.gamma(2.0, 4.0, len(source)) * worse
    standing = np.arange(len(source)) % 5 == 0
    recorded = np.where(standing, np.nan, chance.uniform(1, 3, len(source)))
    return (
        Errors(
            np.where(standing, np.nan, place),
            np.where(standing, np.nan, chance.gamma(2.0, 2.0, len(source)) * worse),
            np.where(standing, np.nan, 2 * place),
            np.where(standing, place, np.nan),
            recorded * (1 + 0.01 * source),
            recorded,
        ),
        source,
    )


def test_even_weights_give_plain_quantiles():
    errs, _ = made(np.random.default_rng(1))
    told = found(errs, np.ones(len(errs.place)))
    assert told.place == pytest.approx(np.nanmedian(errs.place), rel=0.02)
    assert told.yaw_90 == pytest.approx(np.nanquantile(errs.yaw, 0.9), rel=0.02)
    assert told.distance == pytest.approx(100 * (np.nansum(errs.driven_m) / np.nansum(errs.recorded_m) - 1))


def test_what_is_known_of_a_car_elsewhere_is_found_again_with_the_weights():
    errs, source = made(np.random.default_rng(2))
    true = np.array([0.2, 0.3, 0.5, 1.0, 2.0, 2.0])[source]
    known = found(errs, true)
    before, after = found(errs, np.ones(len(true))), found(errs, likened(errs, source, known))
    for mine, plain, wanted in zip(after, before, known, strict=True):
        assert abs(mine - wanted) < 0.35 * abs(plain - wanted)


def test_weights_are_one_number_for_each_recording_and_even_where_nothing_asks_for_more():
    errs, source = made(np.random.default_rng(3))
    weight = likened(errs, source, found(errs, np.ones(len(source))))
    assert [np.ptp(weight[source == k]) for k in range(6)] == [0.0] * 6
    assert np.abs(weight - 1).max() < 0.1


@pytest.mark.parametrize("program", [fit.main, main])
@pytest.mark.parametrize("folds", ["1", "-2", "all"])
def test_recordings_are_held_out_in_several_shares_or_not_at_all(program, folds, tmp_path, capsys):
    with pytest.raises(SystemExit):
        program([str(tmp_path), f"--folds={folds}"])
    assert f"argument --folds: found '{folds}', expected 0 for none, or 2 or more" in capsys.readouterr().err


@pytest.mark.slow
def test_knowing_the_generation_is_worth_what_one_car_for_both_lacks(data_folder):
    folder = data_folder / "traces"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}")
    windows = classic_windows(folder)
    errs = measured(windows)
    weight = likened(errs["the published car"], windows.source, ELSEWHERE)
    rows = {title: found(each, weight) for title, each in errs.items()}
    assert np.allclose(rows["the published car"], ELSEWHERE, rtol=0.1, atol=0.3)
    assert (np.abs(rows["each by its own"]) <= WANTED).all()
    one = np.abs(rows["one car for both"]) / WANTED
    assert one.argmax() == Found._fields.index("place_90")
    assert one.max() > 1.0


@pytest.mark.slow
def test_no_car_in_equal_parts_of_both_generations_does_what_is_wanted_on_recordings_held_out(
    data_folder, capsys
):
    folder = data_folder / "traces"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}")
    main([str(folder), "--rounds", "3", "--folds", "2"])
    said = capsys.readouterr().out
    held = said.partition("held out")[2]
    rows = re.findall(r"^  (\w[\w ]*\w) +1 s .*90 % +([\d.]+) cm .*launch +([\d.]+) cm", held, re.MULTILINE)
    assert [title for title, *_ in rows] == ["fitted", "in equal parts", "searched"]
    (alike, _), (equal, _), _ = ((float(place), float(launch)) for _, place, launch in rows)
    assert alike != equal
    assert all(float(place) > WANTED.place_90 and float(launch) > WANTED.launch for _, place, launch in rows)
