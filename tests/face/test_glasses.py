from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.face.glasses import BEHIND, EYES, GLINT, LOWER, NIGHT, SOLID, SUN, SUNNY, Glasses, Shape, draw, outlines
from dvaedit.face.lab import from_lab, to_lab
from tests.face.conftest import face_points, square

SIZE = 128
SKIN, DARK = np.array([200.0, 160, 140]), np.array([20.0, 18, 18])
MEANT = Shape(0.8, 0.62, 3.0, 0.03, 0.06)


@pytest.fixture(scope="module")
def reference():
    return face_points()


def curves(reference, shape=MEANT):
    eyes = np.stack([reference[list(pair)].mean(axis=0) for pair in EYES])
    ears = np.stack([reference[[0, 1]].mean(axis=0), reference[[15, 16]].mean(axis=0)])
    return outlines(eyes, reference[27], ears, shape)


def edited(reference, lenses=0.0):
    """Crops and edited crops: a smear of the glasses that are meant, another one in each frame."""
    rng = np.random.default_rng(0)
    crops = np.broadcast_to(SKIN, (7, SIZE, SIZE, 3)).copy()
    frame, lens = np.moveaxis(draw(curves(reference), MEANT.thickness, SIZE), -1, 0)
    drawn = cv2.GaussianBlur(np.maximum(frame, lenses * lens), (0, 0), 1)[None, ..., None]
    noise = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE, 7)), (0, 0), 2).transpose(2, 0, 1)[..., None]
    return crops, crops + np.clip(drawn + 2 * noise * drawn, 0, 1) * (DARK - crops)


def learnt(reference, crops, changed):
    weights = np.ones((len(crops), SIZE, SIZE))
    return Glasses.learn(crops, changed, weights, np.repeat(reference[None], len(crops), 0), reference)


def test_the_pair_that_is_meant_is_found(reference):
    found = learnt(reference, *edited(reference))
    width, height, exponent, _, _ = found.shape
    assert (width, height) == pytest.approx((0.8, 0.62), abs=0.07) and exponent in (2.2, 3.0, 4.0)
    assert found.opacity.tolist() == [1.0, 0.0]
    assert found.frame[0] < 25 and found.skin[0] == pytest.approx(to_lab(SKIN)[0], abs=1)


def test_frames_are_dark_even_where_a_network_leaves_them_pale(reference):
    crops, changed = edited(reference)
    found = learnt(reference, crops, crops + 0.5 * (changed - crops))
    assert found.frame[0] == pytest.approx(0.35 * found.skin[0], abs=0.5)


def test_lenses_are_clear_however_dark_the_network_paints_them(reference):
    found = learnt(reference, *edited(reference, lenses=0.85))
    assert found.opacity.tolist() == [1.0, 0.0] and found.lens[0] < 35


@pytest.mark.parametrize("lenses", [0.0, 0.85])
def test_sunglasses_have_dark_lenses_and_frames_of_the_colour_that_is_meant(reference, lenses):
    clear = learnt(reference, *edited(reference, lenses))
    dark = clear.darkened()
    assert tuple(dark.shape) == SUN and dark.opacity.tolist() == [1.0, SOLID]
    assert dark.lens[0] == pytest.approx(min(clear.lens[0], NIGHT * clear.skin[0]))
    assert dark.lens[1:] == pytest.approx(clear.lens[1:])
    assert np.array_equal(dark.frame, clear.frame) and np.array_equal(dark.reference, reference)


def test_lenses_that_are_darker_than_night_stay_so(reference):
    black = replace(learnt(reference, *edited(reference)), lens=np.array([2.0, 0, 0]))
    assert black.darkened().lens.tolist() == [2, 0, 0]


def test_faint_sunglasses_have_faint_frames(reference):
    crops, changed = edited(reference)
    faint = learnt(reference, crops, crops + 0.1 * (changed - crops))
    assert faint.darkened().opacity.tolist() == [faint.opacity[0], SOLID]


def test_a_faint_change_makes_faint_glasses(reference):
    crops, changed = edited(reference)
    found = learnt(reference, crops, crops + 0.1 * (changed - crops))
    assert 0.1 < found.opacity[0] < 0.7


def test_no_skin_no_glasses(reference):
    crops = np.zeros((2, SIZE, SIZE, 3))
    points = np.repeat(reference[None], 2, 0)
    assert Glasses.learn(crops, crops, np.zeros((2, SIZE, SIZE)), points, reference) is None


def test_frames_are_crisp_and_clear_lenses_show_the_eyes(reference):
    found = learnt(reference, *edited(reference))
    rgb = np.broadcast_to(SKIN.astype(np.uint8), (400, 400, 3)).copy()
    mask = np.ones((SIZE, SIZE), np.float32)
    (x0, y0, x1, y1), delta = found.patch(rgb, mask, square(400), np.zeros((SIZE, SIZE, 2), np.float16))
    full = np.zeros((400, 400, 3))
    full[y0:y1, x0:x1] = delta
    left, right = (400 * reference[list(pair)].mean(axis=0) for pair in EYES)
    for x, y in (left, right):
        assert np.abs(full[round(y) - 3 : round(y) + 3, round(x) - 3 : round(x) + 3]).max() < 12
    column = full[:, round(left[0]), 0]
    assert column.min() < -120  # as dark as the network meant them
    assert np.abs(np.diff(column)).max() > 40  # an edge within three pixels
    assert not full[round(400 * reference[33, 1]) :].any()  # nothing below the nose


def test_glasses_move_with_the_head_and_stay_within_the_mask(reference):
    found = learnt(reference, *edited(reference))
    rgb = np.broadcast_to(SKIN.astype(np.uint8), (256, 256, 3)).copy()
    still = np.zeros((SIZE, SIZE, 2), np.float32)
    mask = np.ones((SIZE, SIZE), np.float32)
    _, here = found.patch(rgb, mask, square(256), still)
    _, there = found.patch(rgb, mask, square(256), still - np.float32([10 / 256, 0]))
    assert np.abs(there[20:-20, 30:-20] - here[20:-20, 20:-30]).mean() < 0.05 * np.abs(here).mean()
    half = mask.copy()
    half[:, 64:] = 0
    (_, _, x1, _), cut = found.patch(rgb, half, square(256), still)
    assert x1 <= 132 and np.abs(cut).max() > 100
    box, empty = found.patch(rgb, 0 * mask, square(256), still)
    assert box == (0, 0, 0, 0) and empty.size == 0


def test_a_turned_face_has_a_shorter_far_lens(reference):
    turned = reference.copy()
    turned[27] += [0.04, 0]  # the bridge lies nearer to the right eye
    left, right = (np.ptp(lens[:, 0]) for lens in curves(turned).lenses)
    assert right < 0.75 * left


def test_rims_are_thinner_below_and_temples_taper(reference):
    frame, _ = np.moveaxis(draw(curves(reference), MEANT.thickness, 512), -1, 0)
    eye = 512 * reference[list(EYES[0])].mean(axis=0)
    column = frame[:, round(eye[0])]
    above, below = column[: round(eye[1])].sum(), column[round(eye[1]) :].sum()
    unit = 512 * np.hypot(*np.subtract(*(reference[list(pair)].mean(axis=0) for pair in EYES)))
    assert above == pytest.approx(MEANT.thickness * unit, rel=0.15)
    assert below == pytest.approx(LOWER * MEANT.thickness * unit, rel=0.15)
    hinge, ear = (512 * curves(reference).temples[0][at, 0] for at in (0, 1))
    wide, thin = (frame[:, round(ear + share * (hinge - ear))].sum() for share in (0.7, 0.3))
    assert thin < 0.95 * wide


def test_temples_go_on_behind_the_ears_along_the_eyes(reference):
    ears = np.stack([reference[[0, 1]].mean(axis=0), reference[[15, 16]].mean(axis=0)])
    found = curves(reference)
    across = np.array([BEHIND * found.unit, 0])
    assert [temple[1] for temple in found.temples] == [pytest.approx(ears[0] - across), pytest.approx(ears[1] + across)]
    turned = outlines(np.array([[0.0, 0], [0, 1]]), np.array([0.0, 0.5]), np.array([[0.1, -1], [0.1, 2]]), MEANT)
    assert turned.temples[0][1] == pytest.approx([0.1, -1 - BEHIND])
    assert turned.temples[1][1] == pytest.approx([0.1, 2 + BEHIND])


def at_lens(reference, glasses, aside, down):
    """The layers of the drawing so many halves of the left lens beside and below its middle, and what is added there
    to a frame of even skin."""
    size = 400
    rgb = np.broadcast_to(SKIN.astype(np.uint8), (size, size, 3)).copy()
    mask, still = np.ones((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE, 2), np.float16)
    (x0, y0, _, _), delta = glasses.patch(rgb, mask, square(size), still)
    lens = curves(reference, Shape(*glasses.shape)).lenses[0]
    low, high = lens.min(axis=0), lens.max(axis=0)
    place = (low + high) / 2 + np.array([aside, down]) * (high - low) / 2
    x, y = np.rint(place * size - 0.5).astype(int)
    layers = [float(layer[0, 0]) for layer in glasses.drawing.at(np.float32(place[None, None]), square(size))]
    return layers, delta[y - y0 - 1 : y - y0 + 2, x - x0 - 1 : x - x0 + 2].mean(axis=(0, 1))


def test_light_lies_aslant_on_lenses_which_are_denser_above(reference):
    dark = learnt(reference, *edited(reference)).darkened()
    (_, upper, _, _, streak), _ = at_lens(reference, dark, 0.0, -0.45)
    (_, lower, _, _, beside), _ = at_lens(reference, dark, 0.0, 0.6)
    assert streak == pytest.approx(1, abs=0.02) and beside < 0.01
    assert upper == pytest.approx(SUNNY[0] + 0.275 * (SUNNY[1] - SUNNY[0]), abs=0.02)
    assert lower == pytest.approx(SUNNY[0] + 0.8 * (SUNNY[1] - SUNNY[0]), abs=0.02)
    assert at_lens(reference, dark, 0.5, -0.8)[0][4] > 0.8 > 0.01 > at_lens(reference, dark, -0.5, -0.8)[0][4]


@pytest.mark.parametrize("dark", [False, True], ids=["clear", "dark"])
def test_lenses_gleam(reference, dark):
    found = learnt(reference, *edited(reference))
    found = found.darkened() if dark else found
    (_, density, _, shadow, streak), added = at_lens(reference, found, 0.0, -0.45)
    behind = SKIN + found.opacity[1] * density * (from_lab(found.lens) - SKIN)
    assert shadow < 0.05 and streak > 0.97
    assert SKIN + added == pytest.approx(behind + GLINT[dark] * (255 - behind), abs=3)
    none = replace(found, opacity=np.zeros(2))
    assert not at_lens(reference, none, 0.0, -0.45)[1].any()


def test_dark_lenses_hide_the_eyes(reference):
    dark = learnt(reference, *edited(reference)).darkened()
    (_, density, _, _, _), added = at_lens(reference, dark, 0.0, 0.6)
    assert SKIN + added == pytest.approx(SKIN + SOLID * density * (from_lab(dark.lens) - SKIN), abs=3)
    assert added.max() < -90
