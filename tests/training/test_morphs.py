import cv2
import numpy as np
import pytest
import torch

from dvaedit.checkpoints.store import load_tensors, read_card
from dvaedit.face.mouth import gap, inner_lips
from dvaedit.face.points import FACEMESH_TO_68, MIRROR_68, landmarks_68
from dvaedit.models.morphs import Morphs
from dvaedit.training import morphs as morphs_of
from dvaedit.training import teeth as teeth_of
from dvaedit.training.beards import SHADOW, STUBBLE, learn_beard, moustache
from dvaedit.training.cosmetics import BLUSH, ROSY, blush, eyes_made_up
from dvaedit.training.morphs import (
    BESIDE,
    BROWS,
    FADE,
    FOUNDATION,
    LOOKS,
    Look,
    covered,
    difference,
    dressed,
    export,
    learn,
    make_up,
    skin_of,
)
from dvaedit.training.pseudo_labels import SIZE
from dvaedit.training.teeth import GAPS, HEIGHT, WIDTH, learn_teeth
from dvaedit.training.wrinkles import learn_wrinkles
from tests.face.test_mouth import speaking
from tests.training.conftest import BEARDED, LONG, OLD, SHAVEN, Drawn, bearded, beside

PAINTED = "Wearing_Lipstick+", "Wearing_Lipstick-", "Heavy_Makeup+", "Rosy_Cheeks+"
INNER_LIPS = FACEMESH_TO_68[65:68], FACEMESH_TO_68[61:64]  # lower and upper, without their corners


def opened(mean_face, share):
    """How far the lips of the mean face go so that their gap is ``share``."""
    points = landmarks_68(mean_face)
    middle = (points[[67, 66, 65]] + points[61:64]) / 2
    eyes = np.hypot(*(points[45] - points[36]))
    shift = np.zeros_like(mean_face)
    for vertices, sign in zip(INNER_LIPS, (1, -1), strict=True):
        own = middle[::-1] if sign > 0 else middle
        shift[vertices] = own + np.array([0, sign * share * eyes / 2]) - mean_face[vertices]
    return shift


def smile(image, points, rng):
    """Teeth, eight from corner to corner, a little wider or narrower in every face, between dark lines."""
    upper, lower = inner_lips(landmarks_68(points))
    size, colour = rng.uniform(0.95, 1.05), rng.uniform(0.9, 1.1) * np.array([225, 210, rng.uniform(160, 215)])
    for column in range(round(upper[0, 0]) + 1, round(upper[-1, 0])):
        share, top = (np.interp(column + 0.5, upper[:, 0], values) for values in (np.linspace(0, 1, 49), upper[:, 1]))
        bottom, tooth = np.interp(column + 0.5, lower[:, 0], lower[:, 1]), 8 * (share - 0.5) * size
        shade = 0.5 if abs(tooth - round(tooth)) < 0.15 else 1.0
        image[round(top) : round(bottom) + 1, column] = colour * shade


def spot(image, points, rng):
    """A dark spot between the eyes, on the nose's root."""
    x, y = np.rint(points[168]).astype(int)
    image[y - 9 : y + 10, x - 9 : x + 10] *= 0.8


def dark(image, points, rng):
    """What shows between parted lips."""
    upper, lower = inner_lips(landmarks_68(points))
    cv2.fillPoly(image, [np.rint(np.vstack([upper, lower[::-1]])).astype(np.int32)], (50.0, 20.0, 20.0))


@pytest.fixture(scope="module")
def smiling(mean_face):
    drawn = Drawn(mean_face)
    drawn.add(24, smile, opened(mean_face, 0.13), smile="broad", mouth_open="1")
    return drawn.library()


def test_groups_that_are_the_same_do_not_differ(smiling):
    texture, shape = difference(smiling, lambda row: True, lambda row: True)
    assert texture.shape == (SIZE, SIZE, 3) and shape.shape == (68, 2)
    assert not texture.any() and not shape.any()


def test_groups_differ_in_what_is_theirs_not_in_how_they_lie(mean_face):
    """One has a dark spot and a broader mouth; all faces lie, are tilted and are lit differently."""
    wide = np.zeros_like(mean_face)
    wide[61, 0], wide[291, 0] = -4, 4  # the corners
    drawn = Drawn(mean_face)
    drawn.add(4, spot, wide, sex="m")
    drawn.add(4)
    texture, shape = difference(drawn.library(), lambda row: row["sex"] == "m", lambda row: row["sex"] == "f")
    expected = np.zeros((68, 2))
    expected[[48, 54], 0] = np.array([-4, 4]) / SIZE
    assert shape == pytest.approx(expected, abs=2e-4)
    x, y = np.rint(mean_face[168]).astype(int)
    skin = np.float32([[[190, 150, 130]]]) / 255
    dark = np.subtract(*(cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)[0, 0] for colour in (0.8 * skin, skin)))
    assert texture[y - 5 : y + 6, x - 5 : x + 6].mean(axis=(0, 1)) == pytest.approx(dark, abs=1.5)
    assert np.abs(texture[y + 20 : y + 40, x - 30 : x + 30]).max() < 1.5


def face_shaped(change):
    """A texture, (S, S, 3), of so much change on an oval face and nothing around it; and where the face is."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    inside = ((x - 128) / 90) ** 2 + ((y - 132) / 110) ** 2 < 1
    return np.where(inside[..., None], change, 0).astype(np.float32), inside


def waves(height):
    """Light that falls and rises from row to row by as much as ``height``, and no colour."""
    light = height * np.sin(np.arange(SIZE) / 6)[:, None, None]
    return light * np.ones((1, SIZE, 1)) * [1, 0, 0]


def test_a_change_that_all_the_skin_has_is_none():
    texture, inside = face_shaped([12, 3, -4])
    after = np.abs(dressed(texture, Look(), speaking()))
    assert after[inside].max() < 1e-5 and after.max() < 0.2  # a little is left around the face


def test_shades_stay_within_their_bounds():
    texture, inside = face_shaped(waves(60))
    look = Look(darker=20, lighter=6)
    light = dressed(texture, look, speaking())[..., 0]
    assert 5.5 < light.max() <= 6 and -20 <= light.min() < -19
    faint, _ = face_shaped(waves(1))
    core = cv2.erode(inside.astype(np.uint8), np.ones((80, 80))) > 0
    assert dressed(faint, look, speaking())[core] == pytest.approx(faint[core], abs=0.02)


def test_textures_end_where_the_face_does():
    """What is left at the face's outline is a fortieth; some pixels further there is nothing at all."""
    texture, inside = face_shaped(waves(60))
    after = np.abs(dressed(texture, Look(), speaking()))
    apart = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    assert after[apart > 0].max() < 0.03 * 30 and not after[apart > FADE].any()


def test_textures_are_even():
    texture, _ = face_shaped(waves(8) + np.random.default_rng(0).normal(0, 2, (SIZE, SIZE, 3)))
    after = dressed(texture, Look(relief=1.0), speaking())
    assert np.abs(after).max() > 3 and np.allclose(after, after[:, ::-1], atol=1e-5)


def test_a_look_says_what_is_taken():
    texture, _ = face_shaped(waves(2) * [1, 1, 0] + waves(2)[..., :1] * [0, 1, 1])
    whole = dressed(texture, Look(darker=1e6, lighter=1e6), speaking())
    half = dressed(texture, Look(texture=-0.5, tint=0.4, darker=1e6, lighter=1e6), speaking())
    assert np.allclose(half, whole * [-0.5, -0.2, -0.2], atol=1e-5)
    bare = dressed(texture, Look(eyes=0, lips=0, darker=1e6, lighter=1e6), speaking())
    eye, lips = np.s_[115:117, 97:99], np.s_[185:189, 120:136]
    assert np.abs(whole[eye]).max() > 0.5 and not np.abs(bare[eye]).max() > 1e-3 and np.abs(bare[lips]).max() < 1e-3
    cheek = np.s_[150:160, 80:90]
    assert bare[cheek] == pytest.approx(whole[cheek], abs=1e-4)


def test_a_forehead_has_lines_across_and_no_blot():
    points = speaking()
    brows = round(min(points[part, 1].min() for part in BROWS) * SIZE)
    change = np.zeros((SIZE, SIZE, 3))
    change[brows - 26 : brows - 22] = [-3, 0, 0]
    change[brows - 18 : brows - 14, 124:132] = [-10, 0, 0]
    change[brows + 8 : brows + 12, 124:132] = [-10, 0, 0]  # lines between the brows
    light = dressed(face_shaped(change + 0.01)[0], Look(darker=1e6), points)[..., 0]
    assert light[brows - 25 : brows - 23, 100:156] == pytest.approx(-3, abs=0.2)
    assert light[brows - 16, 128] > -2.5 and light[brows + 10, 128] == pytest.approx(-10, abs=0.2)


def test_what_is_soft_has_no_lines():
    fold = np.zeros((SIZE, SIZE, 3))
    fold[140:146] = [3, 0, 0]
    lined, soft = (
        dressed(face_shaped(fold + 0.01)[0], Look(lighter=1e6, soft=by), speaking())[..., 0] for by in (0.0, 10.0)
    )
    core = np.s_[110:180, 118:138]
    assert soft[core].max() < 0.35 * lined[core].max()
    assert soft[core].sum() == pytest.approx(lined[core].sum(), rel=0.1)


def test_relief_is_what_is_fine():
    fine, _ = face_shaped(np.where(np.arange(SIZE)[:, None, None] % 8 < 4, 1, -1) * np.ones((1, SIZE, 1)) * [1, 0, 0])
    plain, steep = (
        dressed(fine, Look(relief=relief, darker=1e6, lighter=1e6), speaking())[120:140, 110:146, 0]
        for relief in (0.0, 1.0)
    )
    assert steep == pytest.approx(2 * plain, abs=0.05) and np.abs(plain).min() > 0.9


def test_teeth_of_smiles_are_laid_upon_each_other(smiling):
    teeth = learn_teeth(smiling, np.arange(24))
    assert teeth.shape == (HEIGHT, WIDTH, 3) == (32, 96, 3) and teeth.dtype == np.float32
    assert np.isfinite(teeth).all() and np.array_equal(teeth, teeth[:, ::-1])
    light = teeth[8:20, 20:76, 0].mean(axis=0)
    columns = np.arange(20, 76) + 0.5 - WIDTH / 2
    expected = np.cos(columns / WIDTH * 8 * 2 * np.pi)  # lines: in the middle and at every eighth
    assert np.corrcoef(light, -expected)[0, 1] > 0.7 and light.max() > 75 > 65 > light.min()


def test_teeth_that_are_wider_or_aside_do_not_blur_each_other():
    """Seven teeth, of each picture stretched by up to an eighth and shifted by up to three pixels."""
    rng, across, pictures = np.random.default_rng(1), np.arange(WIDTH) + 0.5 - WIDTH / 2, []
    for _ in range(12):
        place = across / rng.uniform(0.88, 1.12) + rng.uniform(-3, 3)
        light = 75 - 20 * (np.cos(place / WIDTH * 7 * 2 * np.pi) > 0.8)
        pictures.append(np.broadcast_to(np.stack([light, 0 * light + 6, 0 * light + 12], -1), (HEIGHT, WIDTH, 3)))
    pictures = np.stack(pictures).astype(np.float32)
    pictures = np.concatenate([pictures, pictures[:, :, ::-1]])
    middle = np.s_[..., 10, 14:82, 0]
    apart, laid = np.median(pictures, axis=0)[middle].std(), teeth_of._laid(pictures)[middle].std()
    assert apart < 0.6 * pictures[middle].std(axis=1).mean() and laid > 0.85 * pictures[middle].std(axis=1).mean()


@pytest.mark.parametrize(("share", "shown"), [(GAPS[0] - 0.02, False), (0.13, True), (GAPS[1] + 0.02, False)])
def test_only_smiles_show_their_teeth(mean_face, share, shown):
    drawn = Drawn(mean_face)
    drawn.add(1, smile, opened(mean_face, share))
    library = drawn.library()
    assert gap(landmarks_68(library.points[0])) == pytest.approx(share, abs=1e-6)
    found = teeth_of._inside(library, 0)
    assert (found.shape == (HEIGHT, WIDTH, 3) and found[16, 40:56, 0].max() > 70) if shown else found is None


@pytest.mark.parametrize("share", [1.0, 0.3, 0.0])
def test_the_lower_half_of_a_nose_takes_its_share(share):
    points = speaking()
    texture, _ = face_shaped(waves(8))
    whole, less = (dressed(texture, Look(nose=nose), points) for nose in (1.0, share))
    tip = np.s_[round(points[33, 1] * SIZE) - 4 : round(points[33, 1] * SIZE) - 1, 124:132]
    wing = np.s_[round(points[31, 1] * SIZE) - 2 : round(points[31, 1] * SIZE), round((points[31, 0] - 0.02) * SIZE)]
    assert np.abs(whole[tip]).max() > 3 and less[tip] == pytest.approx(share * whole[tip], abs=0.1)
    assert less[wing] == pytest.approx(share * whole[wing], abs=0.15)
    for place in (np.s_[150:170, 70:90], np.s_[100 : round(points[28, 1] * SIZE) - 12, 120:136], np.s_[185:200]):
        assert less[place] == pytest.approx(whole[place], abs=1e-3)


@pytest.mark.parametrize("share", [1.0, 0.2, 0.0])
def test_a_mouth_takes_its_share_of_its_own_change_and_moves_with_the_face(share):
    shape = np.random.default_rng(3).normal(0, 0.02, (68, 2))
    moved = morphs_of._moving(shape, Look(mouth=share, steady=0.5))
    mean = shape[48:68].mean(axis=0)
    assert moved[48:68] == pytest.approx(mean + share * (shape[48:68] - mean))
    assert np.array_equal(moved[:17], shape[:17]) and moved[17:27] == pytest.approx(shape[17:27] / 2)


def test_make_up_is_painted_and_moves_nothing():
    points, bare = speaking(), np.full((SIZE, SIZE), 0.8, np.float32)
    found = make_up(points, bare)
    assert found["texture/Heavy_Makeup+"] == pytest.approx(eyes_made_up(points) + blush(points, BLUSH))
    assert found["texture/Rosy_Cheeks+"] == pytest.approx(blush(points, ROSY))
    assert found["smooth/Heavy_Makeup+"] == pytest.approx(FOUNDATION * bare) and "smooth/Rosy_Cheeks+" not in found
    for name in ("shape/Heavy_Makeup+", "shape/Rosy_Cheeks+"):
        assert found[name].shape == (68, 2) and not found[name].any()


@pytest.fixture(scope="module")
def everyone(mean_face):
    """A few of each group: men's jaws are broad, children's chins high, old faces have a spot, smiles and open mouths
    part the lips, some hair is long, some men have beards."""
    drawn, (jaw, chin) = Drawn(mean_face, seed=5), np.zeros((2, *mean_face.shape))
    jaw[FACEMESH_TO_68[4:7]], jaw[FACEMESH_TO_68[10:13]] = [-5, 0], [5, 0]
    chin[FACEMESH_TO_68[7:10]] = [0, -6]
    drawn.add(30, smile, opened(mean_face, 0.13), smile="broad", mouth_open="1")
    drawn.add(2, None, jaw, **SHAVEN)
    drawn.add(2, bearded(0.3), jaw, **BEARDED)
    drawn.add(2, sex="f")
    for sex, shift in (("m", jaw), ("f", None)):
        drawn.add(2, spot, shift, sex=sex, **OLD)
        drawn.add(2, None, chin if shift is None else chin + shift, sex=sex, age="child")
    drawn.add(2, dark, opened(mean_face, 0.2), mouth_open="1", age="middle")
    drawn.add(2, hair=beside(mean_face), **LONG)
    return drawn.library()


@pytest.fixture(scope="module")
def learnt(everyone):
    return learn(everyone)


def test_all_that_is_learnt_makes_a_file_of_morphs(learnt, everyone):
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in learnt.values())
    morphs = Morphs.of(learnt)
    assert set(morphs.shapes) == {*LOOKS, *PAINTED, "Smiling-"}
    assert set(morphs.covers) == {"Male+", "5_o_Clock_Shadow+", "Mustache+", "No_Beard-"} and morphs.knows("whiskers")
    assert set(morphs.smooths) == {*(name for name, look in LOOKS.items() if look.smooth), "Heavy_Makeup+"}
    assert {value.shape for value in morphs.textures.values()} == {(SIZE, SIZE, 3)}
    assert morphs.teeth.shape == (HEIGHT, WIDTH, 3)
    assert morphs.locks.shape == (SIZE, SIZE, 4) and morphs.locks[..., 0].max() > 0.9
    even = (morphs.reference + morphs.reference[MIRROR_68] * [-1, 1] + [1, 0]) / 2
    assert morphs.reference == pytest.approx(even, abs=1e-6)
    assert morphs.reference == pytest.approx(landmarks_68(everyone.canonical) / SIZE, abs=0.06)


def test_hair_of_faces_is_that_of_beards_and_as_dense_as_each_kind_is(learnt, everyone):
    reference = learnt["reference"].astype(np.float64)
    beard = learnt["cover/No_Beard-"]
    assert beard == pytest.approx(learn_beard(everyone, reference), abs=1e-4)
    chin, lip = (np.rint(reference[k] * SIZE).astype(int) for k in (8, 57))
    assert beard[(chin[1] + lip[1]) // 2, chin[0]] > 0.9
    assert beard[: round(reference[29, 1] * SIZE), lip[0]].max() < 1e-3  # above the lower half of the nose
    assert learnt["cover/Male+"] == pytest.approx(STUBBLE * beard, abs=1e-6)
    assert learnt["cover/5_o_Clock_Shadow+"] == pytest.approx(SHADOW * beard, abs=1e-6)
    assert learnt["cover/Mustache+"] == pytest.approx(moustache(beard, reference), abs=1e-4)


def test_what_is_learnt_is_what_sets_groups_apart(learnt, everyone):
    jaw, look = learnt["shape/Male+"], LOOKS["Male+"].shape
    expected = np.zeros((68, 2))
    expected[4:7, 0], expected[10:13, 0] = -5, 5
    assert jaw == pytest.approx(look * expected / SIZE, abs=2e-3)
    assert learnt["shape/Male-"] == pytest.approx(LOOKS["Male-"].shape / look * jaw, abs=1e-6)
    parting = learnt["shape/Smiling+"]
    assert (parting[65:68, 1] > 0.005).all() and np.abs(parting[17:48]).max() < 1e-6
    chin, child = np.zeros((68, 2)), LOOKS["Child+"].shape
    chin[7:10, 1] = -6
    assert learnt["shape/Child+"] == pytest.approx(child * chin / SIZE, abs=2e-3)
    x, y = (everyone.canonical[168]).astype(int)
    aged, young = (learnt[f"texture/Young{sign}"][y, x, 0] for sign in "-+")
    assert aged < -5 and 0 < young <= LOOKS["Young+"].lighter
    lip = np.rint(landmarks_68(everyone.canonical)[57]).astype(int) - [0, 4]
    coat = learnt["coat"]
    assert coat[lip[1], lip[0]] > 0.5 and coat[60:90, 100:150].max() < 0.05


def test_lips_part_and_nothing_is_shaded_as_a_mouth_opens(learnt):
    parting, smile = learnt["shape/Mouth_Slightly_Open+"], learnt["shape/Smiling+"]
    assert (parting[65:68, 1] > 2 * smile[65:68, 1]).all() and (parting[61:64, 1] < 0).all()
    assert not parting[17:27].any() and not learnt["texture/Mouth_Slightly_Open+"].any()
    assert "smooth/Mouth_Slightly_Open+" not in learnt


def test_age_has_the_lines_of_an_old_face_beside_the_mean_of_many(learnt, everyone):
    reference = learnt["reference"].astype(np.float64)
    pairs = [[morphs_of._group(sex=sex, age=age) for age in ("old", "young")] for sex in "mf"]
    texture = np.mean([difference(everyone, *pair)[0] for pair in pairs], axis=0)
    lines = learn_wrinkles(everyone, skin_of(reference), covered(texture))
    added = learnt["texture/Young-"] - dressed(texture, LOOKS["Young-"], reference)
    shares = morphs_of._lined(reference)
    corner = np.rint(reference[48] * SIZE).astype(int)
    assert added[..., 0] == pytest.approx(shares * lines, abs=0.02) and np.abs(added[..., 1:]).max() < 1e-4
    beside = corner - [BESIDE, 0]
    assert shares[corner[1], corner[0]] < 0.01 and 0.5 < shares[beside[1], beside[0]] < 0.75
    assert shares[0].max() == 0.75 and shares.max() == 1
    assert np.abs(lines).max() > 1


def test_morphs_are_written_in_half_precision(learnt, everyone, tmp_path, monkeypatch):
    monkeypatch.setattr("dvaedit.training.morphs.learn", lambda library: learnt)
    export(everyone, tmp_path)
    card = read_card(tmp_path / "compact-morphs.json")
    tensors = load_tensors(card)
    assert card.kind == "morphs" and {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert tensors["shape/Male+"].numpy() == pytest.approx(learnt["shape/Male+"], abs=1e-4)
    assert Morphs.of({name: tensor.float().numpy() for name, tensor in tensors.items()}).known({"Male": 1}) == {
        "Male": 1
    }
