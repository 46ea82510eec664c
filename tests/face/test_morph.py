from dataclasses import replace

import cv2
import numpy as np
import pytest

from dvaedit.face.anchor import offsets
from dvaedit.face.lab import to_lab
from dvaedit.face.lips import (
    CURVE,
    LIFTED,
    NARROWEST,
    OVERLAP,
    SMILES,
    SPARED,
    STRETCH,
    THINNER,
    WIDE_OPEN,
    WIDER,
    WIDEST,
    WIDTH,
    pressed,
    spoken,
)
from dvaedit.face.lipstick import OPAQUE
from dvaedit.face.morph import BRIGHTEST, DARKEST, LEFT, LIGHT, SATURATED, SLACK, STEADY, Morph, _shift, depth
from dvaedit.face.mouth import OPEN, gap
from tests.face.conftest import square
from tests.face.test_mouth import DARK, EYES, LINE, SKIN, TEETH, grinning, lips_on_skin, speaking, turned

SIDE, SIZE = 200, 64  # of the frame, of masks and textures
NO_TEETH = np.zeros((0, 0, 3), np.float32)
STILL = np.zeros((SIZE, SIZE, 2), np.float32)
WHOLE = np.ones((SIZE, SIZE), np.float32)
FRAMES = np.arange(5)
REST = WIDTH * EYES  # width of a mouth that neither smiles nor is rounded
LOST = 0.01  # levels, at most, by rounding


@pytest.fixture(scope="module")
def plain():
    """A morph that changes nothing, of a face whose lips are closed."""
    return Morph(
        speaking(),
        np.zeros((68, 2)),
        np.zeros((SIZE, SIZE, 3), np.float32),
        np.zeros((SIZE, SIZE), np.float32),
        NO_TEETH,
    )


@pytest.fixture(scope="module")
def skin():
    return np.broadcast_to(SKIN.astype(np.uint8), (SIDE, SIDE, 3)).copy()


def patched(morph, rgb, points=None, reach=WHOLE, face=WHOLE, offset=STILL, quad=None):
    """What a morph adds to the frame, as large as it."""
    own, goals = morph.goals(np.repeat((speaking(width=REST) if points is None else points)[None], 5, 0), FRAMES)
    quad = square(SIDE) if quad is None else quad
    (x0, y0, x1, y1), delta = morph.patch(rgb, reach, face, quad, own[2], goals[2], offset)
    assert delta.shape == (y1 - y0, x1 - x0, 3) and delta.dtype == np.float32
    whole = np.zeros(rgb.shape, np.float32)
    whole[y0:y1, x0:x1] = delta
    return whole


def goal_of(morph, points):
    own, goals = morph.goals(np.repeat(points[None], 5, 0), FRAMES)
    assert own[2] == pytest.approx(points)
    return goals[2]


def marked(at, radius=4, grey=60):
    """A frame with a white disc; and the disc's centre in a frame, by lightness."""
    rgb = np.full((SIDE, SIDE, 3), grey, np.uint8)
    return cv2.circle(rgb, at, radius, (255, 255, 255), -1, cv2.LINE_AA)


def centre(picture, grey=60):
    weight = np.clip(picture[..., 0].astype(float) - grey - 20, 0, None)
    y, x = np.mgrid[: len(picture), : picture.shape[1]]
    return [(weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()]


def disc(radius, size=SIZE):
    """A round mask in the middle of a crop."""
    y, x = np.mgrid[:size, :size] + 0.5
    return (np.hypot(x - size / 2, y - size / 2) < radius).astype(np.float32)


def test_without_shape_and_texture_nothing_changes(plain):
    noise = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8), (0, 0), 1)
    assert np.abs(patched(plain, noise)).max() < LOST
    moved = turned(speaking(), 0.2) * 0.9 + 0.03
    offset = offsets(moved, plain.reference, SIZE)
    assert np.abs(patched(plain, noise, moved, offset=offset)).max() < LOST


def test_closed_lips_that_stay_closed_show_no_teeth(plain, skin):
    assert np.abs(patched(replace(plain, teeth=TEETH), skin)).max() < LOST


def test_a_texture_changes_colours_at_its_place(plain, skin):
    texture = plain.texture.copy()
    texture[16:24, 32:40] = [-8, 4, -3]  # pixels 50 to 75 and 100 to 125 of the frame
    face = np.zeros((SIZE, SIZE), np.float32)
    face[:, :36] = 1  # to pixel 112.5
    before, delta = to_lab(SKIN), patched(replace(plain, texture=texture), skin, face=face)
    after = to_lab(skin + delta)
    shade, colour = depth(before[0]), before[0] / LIGHT
    assert 0.8 < shade < 1 < colour < BRIGHTEST
    expected = before + np.array([-8, 4, -3]) * [shade, colour, colour]
    assert after[54:71, 104:110] == pytest.approx(np.broadcast_to(expected, (17, 6, 3)), abs=0.6)
    assert (
        np.abs(delta[:, 116:]).max() < LOST and np.abs(delta[80:]).max() < LOST and np.abs(delta[:45]).max() < LOST
    )  # not where there is no face


def test_what_gets_lighter_has_no_more_colour(plain, skin):
    lighter = replace(plain, texture=plain.texture + np.float32([6, 0, 0]))
    before, after = to_lab(SKIN), to_lab(skin + patched(lighter, skin))[100, 100]
    assert after == pytest.approx([before[0] + 6 * depth(before[0]), *before[1:]], abs=0.6)


def test_shades_are_deepest_on_skin_that_is_neither_dark_nor_pale():
    assert depth(np.array([0, 0.4 * LIGHT, LIGHT, 85, 100])) == pytest.approx([DARKEST, 0.4, 1, 0.5, DARKEST])


@pytest.mark.parametrize(("grey", "scale"), [(20, DARKEST), (205, 0.55)])
def test_shades_are_fainter_in_the_dark_and_in_the_light(plain, grey, scale):
    rgb = np.full((SIDE, SIDE, 3), grey, np.uint8)
    delta = patched(replace(plain, texture=plain.texture - np.float32([2, 0, 0])), rgb)
    light = to_lab(rgb[0, 0])[0]
    assert to_lab(rgb + delta)[100, 100, 0] == pytest.approx(light - 2 * scale, abs=0.3)


def test_some_light_is_left(plain, skin):
    darker = replace(plain, texture=plain.texture - np.float32([90, 0, 0]))
    after = to_lab(skin + patched(darker, skin))[100, 100]
    vivid = np.hypot(*to_lab(SKIN)[1:]) / (LEFT * to_lab(SKIN)[0])
    assert after == pytest.approx(to_lab(SKIN) * [LEFT, *[(SATURATED / vivid) ** 0.5] * 2], abs=0.6)


def test_vivid_skin_fades_in_shade(plain):
    """By the root of lightness, once its chroma would be more than ``SATURATED`` of that; there is more in light."""
    yellow = np.broadcast_to(np.uint8([200, 150, 40]), (SIDE, SIDE, 3)).copy()
    before = to_lab(yellow)[100, 100]
    shades = [replace(plain, texture=plain.texture + np.float32([by, 0, 0])) for by in (-20, 10)]
    darker, lighter = (to_lab(yellow + patched(shade, yellow))[100, 100] for shade in shades)
    faded = before[1:] * (darker[0] / before[0]) ** 0.5
    assert darker[0] < before[0] - 10 and darker[1:] == pytest.approx(faded, abs=0.6)
    assert lighter[0] > before[0] + 4 and lighter[1:] == pytest.approx(before[1:], abs=0.6)


def test_wrinkles_go_where_skin_is_to_be_smooth_and_shades_stay(plain):
    rgb = np.full((SIDE, SIDE, 3), 150, np.uint8)
    rgb[:, :100] = 170  # a broad shade
    rgb[40:160:8] -= 40  # lines
    smooth = np.zeros((SIZE, SIZE), np.float32)
    smooth[: SIZE // 2] = 0.8
    out = rgb + patched(replace(plain, smooth=smooth), rgb)
    contrast = lambda picture, rows: float(np.ptp(picture[rows, 30].astype(float).mean(axis=1)))  # noqa: E731
    assert contrast(out, slice(60, 84)) < 0.5 * contrast(rgb, slice(60, 84))
    assert contrast(out, slice(120, 144)) == pytest.approx(contrast(rgb, slice(120, 144)), abs=2 * LOST)
    assert out[70, 30].mean() - out[70, 170].mean() == pytest.approx(20, abs=4)


def test_folds_go_with_their_colour_as_the_square_of_the_share_and_broad_shades_stay(plain):
    """A dark red fold of 10 pixels, five times ``FINE``; and shade of a cheek."""
    across, cheek = np.arange(SIDE) - 100, np.linspace(0, 20, SIDE)[:, None, None]
    fold = np.exp(-0.5 * (across / 5.0) ** 2)[None, :, None] * np.array([30, 45, 40])
    rgb = np.rint(SKIN - 10 + cheek - fold).astype(np.uint8)
    outs = [
        rgb + patched(replace(plain, smooth=np.full((SIZE, SIZE), share, np.float32)), rgb) for share in (0, 0.5, 1)
    ]
    depths = np.array([to_lab(out[100, 150]) - to_lab(out[100, 100]) for out in outs])
    assert depths[0, 0] > 12 and depths[0, 1] < -4
    assert (np.abs(depths[2, :2]) < 0.6 * np.abs(depths[0, :2])).all()
    assert 0.8 * depths[0, 0] < depths[1, 0] < 0.95 * depths[0, 0]
    down = [to_lab(out[140, 170])[0] - to_lab(out[60, 170])[0] for out in outs]
    assert down[2] == pytest.approx(down[0], abs=0.5)


def test_grain_stays_where_wrinkles_go(plain):
    noise = np.random.default_rng(0).normal(0, 3, (SIDE, SIDE, 1))
    rgb = np.rint(150 + noise).repeat(3, axis=2).astype(np.uint8)
    out = rgb + patched(replace(plain, smooth=np.full((SIZE, SIZE), 0.8, np.float32)), rgb)
    middle = (slice(80, 120),) * 2
    assert 0.75 * rgb[middle].std() < out[middle].std() < 0.95 * rgb[middle].std()


def test_a_texture_lies_where_the_face_does(plain, skin):
    """A face a tenth of the crop to the right of the mean one."""
    texture = plain.texture.copy()
    texture[16:24, 32:40] = [-8, 0, 0]
    offset = STILL - np.float32([0.1, 0])
    delta = patched(replace(plain, texture=texture), skin, speaking() + np.array([0.1, 0]), offset=offset)
    columns = np.flatnonzero(np.abs(delta[62]).max(axis=1) > 1)
    assert (columns.min(), columns.max()) == (pytest.approx(119, abs=2), pytest.approx(145, abs=2))


def test_a_face_that_moves_takes_its_pixels_along(plain):
    moving = replace(plain, shape=np.tile([0.05, -0.02], (68, 1)))
    rgb = marked((100, 120))
    assert centre(rgb) == pytest.approx([100, 120], abs=0.05)
    assert centre(rgb + patched(moving, rgb)) == pytest.approx([110, 116], abs=0.1)


def test_points_move_what_is_near_them(plain):
    shape = plain.shape.copy()
    shape[5:12] = [0, 0.04]  # the chin, by 8 pixels
    low, high = marked((100, 180)), marked((100, 80))
    assert centre(low + patched(replace(plain, shape=shape), low)) == pytest.approx([100, 188], abs=1)
    assert centre(high + patched(replace(plain, shape=shape), high)) == pytest.approx([100, 80], abs=0.3)


def test_what_moves_stays_as_sharp_as_it_is(plain):
    """Stripes of four pixels, moved by two and a half: means of neighbours would keep 0.7 of them."""
    rows = 130 + 60 * np.sin(np.arange(SIDE) * np.pi / 2 + 0.4)
    rgb = np.broadcast_to(np.rint(rows)[:, None, None], (SIDE, SIDE, 3)).astype(np.uint8)
    moved = rgb + patched(replace(plain, shape=np.tile([0, 0.0125], (68, 1))), rgb)
    inner = np.s_[40:160, 40:160]
    assert moved[inner].std() == pytest.approx(rgb[inner].std(), rel=0.08)
    assert np.abs(moved - rgb)[inner].max() > 50


def test_nothing_changes_out_of_reach(plain):
    rgb = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    face, morph = disc(12), replace(plain, shape=np.tile([0.05, 0.05], (68, 1)), texture=plain.texture - 9, teeth=TEETH)
    reach = Morph.reach(face)
    delta = patched(morph, rgb, reach=reach, face=face)
    near = cv2.dilate((reach > 0).astype(np.uint8), np.ones((3, 3)))  # a pixel more: weights are bilinear
    near = cv2.resize(near, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    assert 0.2 < near.mean() < 0.6 and not delta[~near].any()
    assert np.abs(delta)[90:110, 90:110].mean() > 5


def test_reach_is_the_face_and_some_slack_around_it():
    face = disc(24, 128)
    reach = Morph.reach(face)
    y, x = np.mgrid[:128, :128] + 0.5
    apart = np.hypot(x - 64, y - 64) / 128 - 24 / 128
    assert reach[face > 0].min() > 0.98 and reach.max() <= 1 + 1e-6
    assert reach[np.abs(apart - SLACK) < 0.004] == pytest.approx(0.5, abs=0.25)
    assert reach[apart > 2 * SLACK].max() < 0.01 and not reach[apart > 3.5 * SLACK].any()
    assert not Morph.reach(np.zeros((128, 128), np.float32)).any()


def test_what_lies_behind_the_head_stays_but_where_the_head_was_or_comes():
    face = disc(24, 128)
    right = speaking() + np.array([6 / 128, 0])
    reach = Morph.reach(face) * Morph.swept(face, speaking(), right)
    assert reach[64, 37] < 0.02 < 0.9 < reach[64, 42]  # where it was
    assert reach[64, 92] > 0.5 and reach[64, 97] < 0.02  # where it comes
    assert reach[36:38, 64].max() < 0.02  # within the slack, behind


def test_an_empty_mask_adds_nothing(plain, skin):
    none = np.zeros((SIZE, SIZE), np.float32)
    box, delta = plain.patch(skin, none, none, square(SIDE), speaking(), speaking(), STILL)
    assert box == (0, 0, 0, 0) and delta.shape == (0, 0, 3)


def test_a_face_outside_the_frame_adds_nothing(plain, skin):
    box, delta = plain.patch(skin, WHOLE, WHOLE, square(SIDE) + 3 * SIDE, speaking(), speaking(), STILL)
    assert box == (0, 0, 0, 0) and delta.shape == (0, 0, 3)


@pytest.fixture(scope="module")
def smile(plain):
    """The lower lip and the chin go down by 0.04 of the crop's side, 8 pixels; teeth are all alike."""
    shape = plain.shape.copy()
    shape[np.r_[5:12, 55:60, 65:68]] = [0, 0.04]
    return replace(plain, shape=shape, teeth=TEETH)


def line_of_lips(rgb, colour=DARK, half=1):
    rgb, middle = rgb.copy(), round(LINE * SIDE)
    rgb[middle - half : middle + half + 1, 82:119] = colour
    return rgb


def test_closed_lips_that_part_show_teeth(smile, skin):
    rgb = line_of_lips(skin)
    before, after = to_lab(rgb)[..., 0], to_lab(rgb + patched(smile, rgb))[..., 0]
    assert before[146, 100] < 35 and after[149:152, 95:106].min() > to_lab(SKIN)[0] + 8
    assert after[138, 100] == pytest.approx(before[138, 100], abs=0.2)  # skin above and below
    assert after[165, 100] == pytest.approx(before[165, 100], abs=0.2)


def test_lips_move_apart_not_along_with_each_other(smile):
    """Marks right above and below the line between the lips."""
    upper, lower = (marked((100, row), radius=2) for row in (142, 150))
    teeth = replace(smile, teeth=TEETH - np.float32([TEETH[0, 0, 0], 0, 0]))  # dark, so that marks alone are light
    above, below = (rgb + patched(teeth, rgb) for rgb in (upper, lower))
    assert centre(above[:145])[1] == pytest.approx(142, abs=1)
    assert centre(below)[1] == pytest.approx(158, abs=1.5)


def test_what_hides_the_mouth_shows_no_teeth(smile, skin):
    """A hand that is no part of the face, as the mask has it."""
    rgb, face = line_of_lips(skin, SKIN), WHOLE.copy()
    face[36:] = 0
    assert np.abs(patched(smile, rgb, face=face)).max() < LOST < 20 < np.abs(patched(smile, rgb)).max()


def test_without_teeth_there_is_no_mouth(smile, skin):
    rgb = line_of_lips(skin)
    after = to_lab(rgb + patched(replace(smile, teeth=NO_TEETH), rgb))[..., 0]
    assert after[140:160, 100].min() < 45 and after.max() < to_lab(SKIN)[0] + 7  # Lanczos rings at edges


@pytest.mark.parametrize(("wider", "own"), [(WIDER, 136), (0.0, 149)])
def test_open_lips_keep_their_own_mouth_below_the_teeth_of_a_smile(smile, skin, wider, own):
    """All of it where the face smiles already: then none are drawn."""
    rgb = line_of_lips(skin, half=12)
    after = (rgb + patched(smile, rgb, speaking(0.1, REST * (1 + wider))))[..., 0]
    assert after[own:158, 95:106] == pytest.approx(DARK[0], abs=3)
    assert wider or after[138:144, 95:106].min() > 200


def test_a_lip_that_moves_takes_no_teeth_along(smile):
    """Teeth reach a little down on the lip, as its inner edge is off: a difference of up to 103 levels."""
    points = grinning()
    points[:, 0] = 0.5 + (points[:, 0] - 0.5) * REST * (1 + WIDER) / np.ptp(points[48:60, 0])
    rgb, edge = lips_on_skin(points, np.array((205.0, 195, 180))).astype(np.uint8), round(points[66, 1] * SIDE)
    spoilt = rgb.copy()
    spoilt[edge : edge + 3, 90:111] = 205, 195, 180
    plain, after = (picture + patched(smile, picture, points) for picture in (rgb, spoilt))
    assert np.abs(plain - rgb)[edge : edge + 9, 100].max() > 50  # it moves
    assert np.abs(after - plain)[edge + 1 :, 95:106].max() < 30


def test_lips_that_are_open_part_less_far(smile):
    less = replace(smile, shape=smile.shape / 4)
    shut, ajar = (speaking(share * WIDE_OPEN * EYES, REST) for share in (0.0, 0.5))
    middle = np.r_[5:12, 57, 66]  # what lies beside it bends
    moved = [goal_of(less, points)[middle] - points[middle] for points in (shut, ajar)]
    for shift, left in zip(moved, (1, 1 - SPARED / 2), strict=True):
        assert shift == pytest.approx(np.tile([0, 0.01 * left], (len(middle), 1)), abs=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_corners_of_a_mouth_that_droops_are_lifted_further(plain, angle):
    corners = np.r_[48, 54, 60, 64]
    for droop, further in ((0.0, 1.0), (0.01, 1.0), (-CURVE * EYES, 0.0)):
        points = speaking(width=REST)
        points[corners, 1] += droop
        shape = np.zeros((68, 2))
        shape[corners] = [0, -0.01]
        moved = goal_of(replace(plain, shape=shape, teeth=TEETH), turned(points, angle)) - turned(points, angle)
        expected = np.zeros((68, 2))
        expected[corners, 1] = -0.01 * (1 + further * np.array([1, 1, 0.81, 0.81]))  # inner ones lie nearer by
        level = moved @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert level[corners] == pytest.approx(expected[corners], abs=1e-4)
        assert level[[51, 57, 62, 66]] == pytest.approx(0, abs=1e-6)


def unsmiling(plain, opened, wider):
    """Where the points of a face go, whose lips are so far apart in each frame and its mouth so much wider."""
    points = np.stack([speaking(gap_ * EYES, REST * (1 + wider)) for gap_ in opened])
    return replace(plain, closes=1.0).goals(points, FRAMES[: len(opened)] * 100)[1]


def test_lips_that_a_smile_parts_close(plain):
    """By what they are mostly apart: they then lie on each other, and what more they open when they speak stays."""
    goals = unsmiling(plain, (0.08, 0.08, 0.08, 0.08, 0.2), SMILES)
    below = [goal[66, 1] - goal[62, 1] for goal in goals]
    assert below[:4] == pytest.approx([-OVERLAP * EYES] * 4, abs=1e-6) and below[4] == pytest.approx(0.12 * EYES)
    assert unsmiling(plain, (0.08, 0.08), 0.0) == pytest.approx(np.stack([speaking(0.08 * EYES, REST)] * 2), abs=1e-6)


def test_no_teeth_are_left_between_lips_that_close(plain):
    rgb = line_of_lips(np.broadcast_to(SKIN.astype(np.uint8), (SIDE, SIDE, 3)).copy(), np.full(3, 250), half=6)
    points = speaking(0.1 * EYES * 2, REST * (1 + SMILES))
    after = rgb + patched(replace(plain, closes=1.0), rgb, points)
    assert rgb[140:152, 95:106].min(axis=2).max() > 240
    assert after[136:160, 95:106].min(axis=2).max() < 200


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_an_upper_lip_that_is_drawn_wider_is_thinner(smile, angle):
    points, wider = speaking(width=REST), np.zeros((68, 2))
    mouth = slice(48, 68)
    wider[mouth, 0] = 0.2 * (points[mouth, 0] - points[mouth, 0].mean())
    goal = goal_of(replace(smile, shape=wider), turned(points, angle))
    level = turned(goal, -angle)
    thickness = [own[[61, 62, 63], 1] - own[[50, 51, 52], 1] for own in (points, level)]
    assert thickness[1] == pytest.approx(thickness[0] * 1.2**-THINNER, rel=1e-2)
    lower = [own[[56, 57, 58], 1] - own[[67, 66, 65], 1] for own in (points, level)]
    assert lower[1] == pytest.approx(lower[0], rel=1e-2)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.3])
def test_lips_part_no_farther_than_teeth_are_high(smile, share):
    points = speaking(share * WIDE_OPEN * EYES, REST)
    goal = goal_of(replace(smile, shape=4 * smile.shape), points)
    assert gap(goal) - gap(points) == pytest.approx(WIDEST * (1 - SPARED * min(share, 1)), abs=1e-6)


@pytest.mark.parametrize(("wider", "left"), [(0.0, 1), (WIDER / 2, 1 - SPARED / 2), (1.5 * WIDER, 1 - SPARED)])
def test_a_face_that_smiles_already_goes_less_far(smile, wider, left):
    """Its corners are lifted, or its lips are open; a mouth that is only wide does not smile."""
    raised = replace(smile, shape=np.tile([0, -0.02], (68, 1)))

    def gone(points):
        return goal_of(raised, points)[:5] - points[:5]

    wide, open_ = (speaking(gap * EYES, REST * (1 + wider)) for gap in (0.0, OPEN))
    points = wide.copy()
    points[[48, 54, 60, 64], 1] -= LIFTED[1] * EYES
    for smiling in (points, open_):
        assert gone(smiling) == pytest.approx(np.tile([0, -0.02 * left], (5, 1)), abs=1e-9)
    assert gone(wide) == pytest.approx(np.tile([0, -0.02], (5, 1)), abs=1e-9)
    calm = goal_of(replace(raised, teeth=NO_TEETH), points)
    assert calm - points == pytest.approx(raised.shape)  # other changes do not depend on the mouth


def test_rounded_lips_are_drawn_wider(smile):
    for narrow in (0.0, 0.25, NARROWEST, 2 * NARROWEST):
        points = speaking(width=REST / (1 + narrow))
        expected = REST / (1 + narrow) * (1 + STRETCH * min(narrow, NARROWEST))
        assert np.ptp(goal_of(smile, points)[48:68, 0]) == pytest.approx(expected)
        calm = goal_of(replace(smile, teeth=NO_TEETH), points)  # no smile: lips are as wide as they were
        assert np.ptp(calm[48:68, 0]) == pytest.approx(REST / (1 + narrow))


def test_rounded_lips_of_a_tilted_face_are_drawn_along_themselves(smile):
    level, tilted = (goal_of(smile, points) for points in (speaking(width=0.1), turned(speaking(width=0.1), 0.5)))
    assert tilted == pytest.approx(turned(level, 0.5), abs=1e-9)


@pytest.fixture(scope="module")
def bent(plain):
    return replace(plain, shape=np.random.default_rng(2).normal(0, 0.02, (68, 2)))


def test_the_mean_face_moves_as_it_is_told(bent):
    assert goal_of(bent, bent.reference) - bent.reference == pytest.approx(bent.shape)


@pytest.mark.parametrize(
    "matrix",
    [[[0, 1], [-1, 0]], [[-1, 0], [0, 1]], [[0.5, 0], [0, 1]], [[1.4, 0], [0, 1.4]], [[0.7, 0.2], [-0.4, 0.9]]],
    ids=["turned", "mirrored", "foreshortened", "large", "all"],
)
def test_a_face_moves_along_its_own_axes(bent, matrix):
    points = (bent.reference - 0.5) @ np.array(matrix) + [0.45, 0.55]
    assert goal_of(bent, points) - points == pytest.approx(bent.shape @ np.array(matrix))


def test_an_expression_does_not_change_how_a_face_lies(bent):
    points = bent.reference.copy()
    others = np.setdiff1d(np.arange(68), STEADY)
    points[others] += np.random.default_rng(3).normal(0, 0.02, (len(others), 2))
    assert goal_of(bent, points) - points == pytest.approx(bent.shape)


def test_points_are_made_calm_but_not_across_a_gap(bent):
    frames = np.r_[0:20, 30:50]
    track = np.repeat(bent.reference[None], 40, 0)
    track[20:] += [0.1, 0]
    own, goals = bent.goals(track, frames)
    assert own == pytest.approx(track) and goals - own == pytest.approx(np.repeat(bent.shape[None], 40, 0))
    trembling = track + np.random.default_rng(4).normal(0, 0.01, track.shape)
    own, goals = bent.goals(trembling, frames)
    assert (own - track).std() < 0.6 * 0.01
    shifts = goals - own
    assert np.abs(np.diff(shifts[:20], axis=0)).max() < 0.005


def test_a_tilted_square_moves_the_face_the_same_way(plain):
    """In a frame that shows the crop a quarter turn round: its right is the frame's lower end."""
    moving = replace(plain, shape=np.tile([0.05, 0], (68, 1)))
    rgb = marked((100, 100))
    quad = square(SIDE)[[3, 0, 1, 2]]  # the crop's upper left corner is the frame's upper right
    assert centre(rgb + patched(moving, rgb, quad=quad)) == pytest.approx([100, 110], abs=0.1)


def test_lips_close_between_sounds_and_not_where_nobody_speaks():
    def said(*gaps):
        points = np.stack([speaking(each * EYES, REST) for each in gaps])
        return pressed(points, np.arange(len(gaps)))

    closing = said(0.12, 0.1, 0.01, 0.0, 0.01, 0.1, 0.12)
    assert closing == pytest.approx([0, 0, 1, 1, 1, 0, 0])
    assert not said(0.0, 0.01, 0.0, 0.01).any()  # closed all the time
    assert not said(0.0, 0.01, 0.1, 0.12, 0.1).any()  # about to speak
    far = pressed(np.stack([speaking(each * EYES, REST) for each in (0.1, 0.0, 0.1)]), np.array([0, 40, 80]))
    assert not far.any()


def test_lips_that_are_pressed_part_by_so_much_less(plain):
    shut, goal = speaking(width=REST), speaking(0.08 * EYES, 1.2 * REST)
    gaps = [gap(spoken(shut, goal, by)) for by in (0.0, 0.5, 1.0)]
    assert gaps[0] == pytest.approx(0.08, abs=0.01) and gaps[2] == pytest.approx(gap(shut), abs=1e-3)
    assert gaps[2] < gaps[1] < gaps[0]


def test_lipstick_lies_on_the_face_where_its_coat_says(plain, skin):
    coat = np.zeros((SIZE, SIZE), np.float32)
    coat[16:24, 32:40] = 1  # pixels 50 to 75 and 100 to 125 of the frame
    lips, paint = to_lab(SKIN), np.array([40.0, 40.0, 20.0])
    worn = replace(plain, coat=coat, painted=np.stack([lips, paint]))
    delta = patched(worn, skin)
    assert to_lab(skin + delta)[62, 112] == pytest.approx(lips + OPAQUE * (paint - lips), abs=0.6)
    assert np.abs(delta[80:]).max() < LOST and np.abs(delta[:45]).max() < LOST
    assert np.abs(patched(replace(worn, painted=np.zeros((0, 3))), skin)).max() < LOST  # before it is lit


def test_what_grows_beside_lips_makes_no_lips_of_teeth(plain):
    """Gray hair on the upper lip, which would leave lips no redder than teeth."""
    points, white = grinning(), np.array((205.0, 195, 180))
    rgb = lips_on_skin(points, white).astype(np.uint8)
    worn = replace(plain, coat=np.ones((SIZE, SIZE), np.float32), painted=np.float32([[60, 20, 10], [40, 40, 20]]))
    shown, level = worn.goals(points[None], FRAMES[:1]), round(points[62, 1] * SIDE)
    grown = (0, 0, SIDE, level), np.float32(60) - rgb[:level]
    (x0, y0, _, _), made = worn.patch(rgb, WHOLE, WHOLE, square(SIDE), *(each[0] for each in shown), STILL, grown)
    tooth, lip = (np.abs(made[row - y0, 100 - x0]).max() for row in (level + 4, round(points[57, 1] * SIDE) - 3))
    assert tooth < 6 and lip > 20


def test_beyond_an_outline_that_stays_nothing_moves():
    """What lies behind a face whose mouth is drawn wide, but not its jaw, stays where it is."""
    points = np.random.default_rng(3).uniform(0.35, 0.65, (68, 2))
    angle = np.linspace(0, np.pi, 17)
    points[:17] = 0.5 + 0.25 * np.stack([-np.cos(angle), np.sin(angle)], axis=1)
    goal = points.copy()
    goal[48:68] += [0.03, -0.02]
    quad = square(200)
    shift = _shift(points, goal, quad, (0, 0, 200, 200))
    away = np.linalg.norm(np.stack(np.meshgrid(*[np.arange(200)] * 2), axis=-1) - 100, axis=2)
    below = np.arange(200)[:, None] > 105
    assert np.abs(shift[below & (away > 52) & (away < 66)]).max() < 0.6
    assert np.abs(shift[below & (away < 40)]).max() > 2
