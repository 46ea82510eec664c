import numpy as np
import pytest

from dvaedit.face.lab import from_lab, to_lab
from dvaedit.face.shave import HAIRY, LIGHTEST, Shave
from tests.face.conftest import face_points, square

SIZE = 64
SKIN, BEARD = np.array([60.0, 14, 20]), np.array([30.0, 8, 12])  # Lab
CHIN = (slice(52, 58), slice(24, 40))
STILL = np.zeros((SIZE, SIZE, 2), np.float32)


@pytest.fixture(scope="module")
def reference():
    return face_points()


def faces(beard=BEARD, cheeks=SKIN):
    """Five crops of skin; below the mouth it has another colour."""
    lab = np.broadcast_to(cheeks, (5, SIZE, SIZE, 3)).copy()
    lab[:, CHIN[0], CHIN[1]] = beard
    return from_lab(lab)


def learnt(reference, before, after, weight=1.0):
    weights = np.full((5, SIZE, SIZE), weight)
    weights[:, :37] = 0
    return Shave.learn(before, after, weights, np.repeat(reference[None], 5, 0), reference)


def shaved(shave, crop, mask=1.0):
    box, delta = shave.patch(crop, np.full((SIZE, SIZE), mask, np.float32), square(SIZE), STILL)
    out = crop.astype(np.float32)
    out[box[1] : box[3], box[0] : box[2]] += delta
    return out


def test_skin_beneath_a_beard_has_the_colour_of_the_cheeks(reference):
    shave = learnt(reference, faces(), faces(SKIN))
    crop = np.rint(faces()[0]).astype(np.uint8)
    chin = to_lab(shaved(shave, crop))[54:56, 30:34].reshape(-1, 3).mean(axis=0)
    assert chin == pytest.approx(LIGHTEST * SKIN, abs=4)


def test_what_the_edit_leaves_alone_stays(reference):
    shave = learnt(reference, faces(), faces(SKIN))
    crop = np.rint(faces()[0]).astype(np.uint8)
    assert shave.cover[40:44].max() < 0.01 and shave.cover[54, 32] == pytest.approx(1, abs=0.05)
    assert np.abs(shaved(shave, crop) - crop)[38:44].max() < 0.5
    assert np.array_equal(shaved(shave, crop, 0.0), crop)


def test_skin_gets_no_lighter_than_the_cheeks(reference):
    pale = learnt(reference, faces(), faces([95.0, 0, 0]))
    plain = learnt(reference, faces(), faces(SKIN))
    assert pale.change == pytest.approx(plain.change, abs=0.05)


def test_what_gets_a_little_lighter_or_darker_is_no_beard(reference):
    for light in (SKIN[0] - 1, BEARD[0]):
        shave = learnt(reference, faces([SKIN[0] - 1 - HAIRY[0], 14, 20]), faces([light, 14, 20]))
        assert shave.cover.max() < 0.05


def test_hairs_go(reference):
    shave = learnt(reference, faces(), faces(SKIN))
    rng = np.random.default_rng(0)
    crop = np.clip(np.rint(faces()[0] + rng.normal(0, 12, (SIZE, SIZE, 1))), 0, 255).astype(np.uint8)
    out, place = shaved(shave, crop), (slice(53, 57), slice(26, 38))
    rough, smooth = (np.diff(to_lab(picture)[place][..., 0], axis=1).std() for picture in (crop, out))
    assert smooth < 0.6 * rough


def test_where_no_skin_shows_nothing_is_learnt(reference):
    assert learnt(reference, faces(), faces(SKIN), 0.0) is None


def test_outside_the_frame_nothing_is_done(reference):
    shave = learnt(reference, faces(), faces(SKIN))
    box, delta = shave.patch(np.zeros((8, 8, 3), np.uint8), np.ones((SIZE, SIZE)), square(SIZE) + 100, STILL)
    assert box == (0, 0, 0, 0) and delta.shape == (0, 0, 3)
