import numpy as np

from dvaedit.face.regions import CLASS_ID
from dvaedit.face.surround import (
    FACE,
    FAR,
    FEATURE,
    HAIR,
    REACH,
    TOP,
    HairColours,
    _falling,
    continued,
    in_frame,
    missed,
    wide_map,
    wide_quads,
    windows,
)

SIZE, CLOTH = 128, 16
EVERYBODY = np.ones((SIZE, SIZE), np.float32)
SHOWN = EVERYBODY > 0


def test_wide_squares_are_larger_and_lower():
    quad = np.array([[[100.0, 50], [100, 150], [200, 150], [200, 50]]])
    wide = wide_quads(quad)[0]
    assert np.allclose(wide.mean(axis=0), [150, 50 - 100 * TOP + 50 * REACH])
    assert np.allclose(wide[3] - wide[0], [100 * REACH, 0])


def test_pixels_of_a_square_beyond_the_frame_are_known():
    shown = in_frame(np.array([[-8.0, 2], [-8, 18], [8, 18], [8, 2]]), 16, (40, 12))
    assert not shown[:, :7].any() and not shown[11:].any()
    assert shown[:9, 8:].all()


def test_what_is_cut_off_by_the_frame_goes_on_beyond_it():
    quad = np.array([[-8.0, 2], [-8, 18], [8, 18], [8, 2]])
    kinds = np.zeros((16, 16), np.uint8)
    kinds[6:11, 10:13] = kinds[4:6, 8:10] = HAIR
    shown = in_frame(quad, 16, (40, 12))
    found = continued(kinds, shown, quad, (40, 12))
    assert np.array_equal(found[shown], kinds[shown])
    assert (found[11:, 10:13] == HAIR).all() and not found[11:, 13:].any()  # below the frame
    assert (found[4:6, :7] == HAIR).all() and not found[:4, :7].any()  # left of it
    within = np.array([[4.0, 2], [4, 10], [12, 10], [12, 2]])
    assert np.array_equal(continued(kinds, in_frame(within, 16, (40, 12)), within, (40, 12)), kinds)


def scene():
    """A wide square: brown hair from the middle of the crop down, more of it apart; the crop's map."""
    wide = np.full((SIZE, SIZE, 3), 200, np.uint8)
    hair = np.zeros((SIZE, SIZE), bool)
    hair[40:118, 56:72] = True
    hair[40:110, 2:10] = True  # somebody else's
    wide[hair] = (90, 60, 40)
    side = SIZE / REACH
    low = np.rint([TOP * side, SIZE / 2 - side / 2]).astype(int)
    at = np.arange(64) * side / 64
    crop_hair = hair[np.ix_((low[0] + at).astype(int), (low[1] + at).astype(int))]
    return wide, np.where(crop_hair, HAIR, FACE).astype(np.uint8)


def learnt(classes):
    crop = np.where(classes[..., None] == HAIR, np.uint8([90, 60, 40]), np.uint8([200, 200, 200]))
    return crop, HairColours.learn(crop[None], classes[None])


def test_hair_outside_is_what_has_its_colour_and_hangs_together():
    wide, classes = scene()
    crop, colours = learnt(classes)
    hair, other, head = colours(crop)
    assert hair[classes == HAIR].min() > 0.9 > 0.1 > np.median(hair[classes == FACE])
    assert np.array_equal(head, other)  # neither cloth nor anything behind
    assert np.median(other[classes == FACE]) > 0.9 > 0.1 > other[classes == HAIR].max()
    found = wide_map(wide, SHOWN, EVERYBODY, classes, colours)
    assert (found[100:116, 58:70] == HAIR).all()
    assert not found[:, :12].any()
    assert found[50, 50] == FACE
    classes[classes == FACE] = CLASS_ID["l_ear"]
    assert wide_map(wide, SHOWN, EVERYBODY, classes, colours)[50, 50] == FEATURE


def test_hair_belongs_to_a_person_and_is_in_the_frame():
    wide, classes = scene()
    colours = learnt(classes)[1]
    assert not (wide_map(wide, SHOWN, 0 * EVERYBODY, classes, colours) == HAIR).any()
    upper = np.arange(SIZE)[:, None] < 90
    cut = wide_map(wide, SHOWN & upper, EVERYBODY, classes, colours)
    assert (cut[60:88, 58:70] == HAIR).all() and not (cut[90:] == HAIR).any()


def test_a_person_goes_on_to_the_border_of_the_frame():
    wide, classes = scene()
    colours = learnt(classes)[1]
    person = EVERYBODY * (np.arange(SIZE)[:, None] >= 43)  # of whom the last rows before the border are not seen
    shown = SHOWN & (np.arange(SIZE)[:, None] >= 38)
    assert (wide_map(wide, shown, person, classes, colours)[40:43, 58:70] == HAIR).all()
    assert not (wide_map(wide, SHOWN, person, classes, colours)[40:43] == HAIR).any()


def test_skin_taken_for_hair_is_not():
    wide, classes = scene()
    colours = learnt(classes)[1]
    classes[20:23, 5:15] = HAIR  # of the colour of what is not hair
    assert (wide_map(wide, SHOWN, EVERYBODY, classes, colours) == HAIR).sum() == (
        wide_map(wide, SHOWN, EVERYBODY, scene()[1], colours) == HAIR
    ).sum()


def test_a_fringe_taken_for_skin_is_hair_and_a_beard_is_not():
    wide, classes = scene()
    colours = learnt(classes)[1]
    top = round(TOP * SIZE / REACH)
    wide[top + 18 : top + 24, 46:58] = (90, 60, 40)  # beside the hair, at the height of the forehead; and of the chin
    wide[top + 50 : top + 56, 46:58] = (90, 60, 40)
    found = wide_map(wide, SHOWN, EVERYBODY, classes, colours)
    assert (found[top + 19 : top + 23, 48:56] == HAIR).all()
    assert (found[top + 50 : top + 56, 46:54] == FACE).all()


def test_cloth_taken_for_hair_is_not():
    wide, classes = scene()
    classes[44:, :24] = CLOTH
    classes[56:60, 2:10] = HAIR  # of the colour of cloth, below the shoulders and far from the face
    crop = np.where(classes[..., None] == HAIR, np.uint8([90, 60, 40]), np.uint8([200, 200, 200]))
    crop[56:60, 2:10] = 200
    colours = HairColours.learn(crop[None], classes[None])
    found = wide_map(wide, SHOWN, EVERYBODY, classes, colours) == HAIR
    assert found[100:116, 58:70].all() and not found[:, :54].any()


def test_cloth_of_which_crops_show_a_glimpse_is_not_hair_for_its_colour():
    classes = np.full((SIZE, SIZE), FACE, np.uint8)
    classes[:64], classes[-8:, :32] = HAIR, CLOTH
    crop = np.where(classes[..., None] == FACE, np.uint8([200, 150, 130]), np.uint8([220, 210, 170]))
    assert HairColours.learn(crop[None], classes[None])(crop)[0][:60].max() < 0.55
    classes[-8:, 1:32] = FACE  # too little of it to tell
    assert HairColours.learn(crop[None], classes[None])(crop)[0][:60].min() > 0.9


def test_hair_above_the_crop_is_hair_though_cloth_and_what_lies_behind_have_its_colour():
    side, low = SIZE // 2, round(SIZE / REACH * TOP)
    classes = np.full((side, side), FACE, np.uint8)
    classes[:16, 12:52], classes[-16:], classes[:, :8] = HAIR, CLOTH, CLASS_ID["background"]
    crop = np.where((classes == FACE)[..., None], np.uint8([200, 150, 130]), np.uint8([40, 40, 45]))
    colours = HairColours.learn(crop[None], classes[None])
    wide = np.full((SIZE, SIZE, 3), 40, np.uint8)
    wide[low : low + side, 32:96] = crop
    wide[low - 8 : low, 60:70] = (200, 150, 130)  # a hand on it
    person = np.zeros((SIZE, SIZE), np.float32)
    person[low - 10 :, 40:90] = 1
    found = wide_map(wide, SHOWN, person, classes, colours) == HAIR
    assert found[low - 8 : low, 46:58].all() and found[low - 8 : low, 72:82].all()
    assert not found[low - 7 : low - 1, 62:68].any() and not found[: low - 11].any() and not found[:low, :38].any()


def test_a_parser_is_shown_what_hangs_below_the_crop():
    size = 120  # 40 pixels a side of the crop
    upper, lower = windows(size)[:2], windows(size)[2:]
    for pair in (upper, lower):
        assert [columns for _, columns in pair] == [slice(28, 68), slice(52, 92)]  # to both sides of the crop
    assert {rows.start for rows, _ in upper} == {round(40 * (TOP + 0.7))}
    assert {rows.stop for rows, _ in upper} == {round(40 * (TOP + 1.7))}
    assert {rows.stop for rows, _ in lower} == {size}


def test_hair_that_a_parser_sees_hang_is_hair_though_cloth_has_its_colour():
    size = 120
    side, top = size // 3, round(size // 3 * TOP)
    wide = np.full((size, size, 3), 200, np.uint8)
    wide[top + 20 :, 56:64] = (90, 60, 40)  # a lock, as long as the square
    wide[80:, 30:90] = (90, 60, 40)  # cloth of its colour
    classes = np.full((side, side), FACE, np.uint8)
    classes[20:, 16:24] = HAIR
    crop = np.where(classes[..., None] == HAIR, np.uint8([90, 60, 40]), np.uint8([200, 200, 200]))
    colours = HairColours.learn(crop[None], classes[None])
    person = np.ones((size, size), np.float32)
    hanging = np.zeros((size, size), bool)
    hanging[top + side :, 50:70] = True
    hanging[100:, 5:115] = True  # a parser is not to be believed everywhere
    found = wide_map(wide, person > 0, person, classes, colours, FAR, hanging) == HAIR
    assert found[top + side : -2, 57:63].all()
    assert not found[:, :40].any() and not found[82:, 85:].any()
    spread = np.flatnonzero(found[-3])
    assert spread[-1] - spread[0] <= 8 + 2 * 0.5 * (size - 80) + 4  # as far to the side as falling hair may go
    colour_alone = wide_map(wide, person > 0, person, classes, colours, FAR) == HAIR
    assert colour_alone[90:110, 32:88].all()


def test_beside_the_crop_hair_is_what_a_parser_finds_too():
    size = 120
    side, top = size // 3, round(size // 3 * TOP)
    low = top + side
    wide = np.full((size, size, 3), 200, np.uint8)
    wide[top + 20 : low + 20, 30:50] = (130, 95, 70)  # a lighter lock than those inside
    classes = np.full((side, side), FACE, np.uint8)
    classes[20:, :10] = HAIR
    crop = np.where(classes[..., None] == HAIR, np.uint8([110, 78, 55]), np.uint8([200, 200, 200]))
    crop[30:, :10] = crop[:, -8:] = (130, 95, 70)  # skin has that colour more often
    colours = HairColours.learn(crop[None], classes[None])
    person, hanging = np.ones((size, size), np.float32), np.zeros((size, size), bool)
    hanging[low - 12 : low + 20, 30:50] = True
    found = wide_map(wide, person > 0, person, classes, colours, FAR, hanging) == HAIR
    assert found[low - 10 : low - 2, 32:38].all() and found[low + 2 : low + 10, 32:38].all()


def test_colours_miss_what_a_parser_finds_below_the_crop_alone():
    size = 120
    low = round(size / 3 * TOP) + size // 3
    none, lock, part, cloth, above = (np.zeros((size, size), np.uint8) for _ in range(5))
    lock[low : low + 26, 50:60] = part[low : low + 18, 50:60] = HAIR
    cloth[low:, 70:] = above[:low] = HAIR
    assert missed([(none, lock)]) and missed([(part, lock)]) and missed([(cloth, lock)])
    assert not missed([(lock, lock)]) and not missed([(lock, part)]) and not missed([(part, lock), (lock, lock)])
    assert not missed([(none, above)]) and not missed([(lock, none)]) and not missed([])


def test_hair_that_hangs_at_one_border_is_not_at_the_other():
    hair = np.zeros((12, 12), bool)
    hair[:, :2] = hair[6:, 10:] = True
    found = _falling(hair, 6)
    assert found[:, :2].all() and not found[:, 2:].any()
    assert not _falling(hair[:, ::-1], 6)[:, :10].any()


def test_hair_spreads_to_both_sides_as_it_falls():
    hair = np.ones((8, 9), bool)
    hair[:4] = np.arange(9) == 4
    assert _falling(hair, 4).sum(axis=1).tolist() == [1, 1, 1, 1, 3, 3, 5, 5]
