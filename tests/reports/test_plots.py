import re
import xml.etree.ElementTree as ET

import pytest

from dvaedit.reports.plots import HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, nice_steps, plot

TIMES = [0.0, 0.5, 1.0, 1.5, 2.0]


def path(svg, kind="edit"):
    found = [one for one in ET.fromstring(svg).iter("path") if one.get("class") == f"line {kind}"]
    return found[0].get("d")


def test_a_curve_runs_from_edge_to_edge_of_a_fixed_axis():
    drawn = plot("P", "p", TIMES, [Line("edit", "edit", [0, 0.25, 0.5, 0.75, 1])], low=0.0, high=1.0)
    points = [tuple(map(float, pair.split())) for pair in re.split("[ML]", path(drawn.svg))[1:]]
    assert points[0] == (LEFT, HEIGHT - 24) and points[-1] == (WIDTH - RIGHT, TOP)
    assert points[2] == pytest.approx(((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - 24) / 2))
    assert drawn.summary == "edit: mean 0.5, from 0 to 1"


def test_gaps_stay_gaps_and_nothing_known_draws_nothing():
    drawn = plot("P", "p", TIMES, [Line("e", "edit", [1, None, 2, 3, None]), Line("s", "source", [None] * 5)])
    assert path(drawn.svg).count("M") == 2 and path(drawn.svg).count("L") == 1
    assert [line.kind for line in drawn.lines] == ["edit"]
    assert plot("P", "p", TIMES, [Line("e", "edit", [None] * 5)]) is None


def test_little_noise_is_not_blown_up():
    values = [0.970, 0.971, 0.972, 0.971, 0.970]
    drawn = plot("P", "p", TIMES, [Line("e", "edit", values)], high=1.0, least_span=0.1)
    ys = [float(pair.split()[1]) for pair in re.split("[ML]", path(drawn.svg))[1:]]
    assert max(ys) - min(ys) < 0.05 * HEIGHT


def test_one_frame_and_a_constant_can_be_drawn():
    assert "M" in path(plot("P", "p", [0.3], [Line("e", "edit", [0.5])]).svg)
    assert "NaN" not in plot("P", "p", TIMES, [Line("e", "edit", [2] * 5)]).svg


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (0, 9, [0, 2.5, 5, 7.5]), (0.93, 1.0, [0.94, 0.96, 0.98, 1.0])],
)
def test_ticks_are_round_numbers(low, high, steps):
    assert nice_steps(low, high, 4) == pytest.approx(steps)


def test_tick_labels_say_exactly_where_they_are():
    labels = re.findall(r'text-anchor="end">([^<]*)<', plot("P", "p", TIMES, [Line("e", "edit", [0, 1, 0, 1, 0])],
                                                           low=0.0, high=1.0).svg)  # fmt: skip
    assert labels == ["0.00", "0.25", "0.50", "0.75", "1.00"]
