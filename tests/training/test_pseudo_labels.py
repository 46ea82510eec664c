import numpy as np
import pytest

from dvaedit.face.regions import CLASS_ID
from dvaedit.training import pseudo_labels as pl

ROW = {
    "sex": "f", "age": "young", "hair_colour": "brown", "hair_length": "long", "glasses": "none", "facial_hair": "none",
    "bangs": "0", "headwear": "0", "receding_hairline": "0",
}  # fmt: skip
SKIN, HAIR, CLOTH, GREEN = (215, 165, 140), (70, 40, 25), (40, 60, 160), (120, 150, 120)


def arc(centre, radii, start, end, count):
    angles = np.radians(np.linspace(start, end, count))
    return np.array(centre) + np.array(radii) * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def synthetic_points() -> np.ndarray:
    """FaceMesh points of a plain face: every region an ellipse, the oval centred at (128, 140)."""
    points = np.full((468, 2), (128.0, 140.0))
    points[list(pl.OVAL)] = arc((128, 140), (55, 75), -90, 260, 36)
    for region, centre, radii in (
        (pl.L_BROW, (102, 100), (14, 4)), (pl.R_BROW, (154, 100), (14, 4)), (pl.L_EYE, (102, 118), (11, 5)),
        (pl.R_EYE, (154, 118), (11, 5)), (pl.NOSE, (128, 140), (10, 20)),
    ):  # fmt: skip
        vertices = list(pl.POLYGONS[region])
        points[vertices] = arc(centre, radii, 180, 540, len(vertices) + 1)[:-1]
    for lip, side in ((pl.U_LIP, 1), (pl.L_LIP, -1)):
        outer, inner = list(pl.POLYGONS[lip][:11]), list(pl.POLYGONS[lip][11:])
        points[outer] = arc((128, 178), (20, 12), 180, 180 + 180 * side, 11)
        points[inner] = arc((128, 178), (16, 5), 180 + 180 * side, 180, 11)
    return points.astype(np.float32)


def inside(centre, radii) -> np.ndarray:
    y, x = np.mgrid[:256, :256] + 0.5
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1


def scene(top=HAIR) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its person mask: background, shoulders, something over the head, neck, face, eyes."""
    image = np.empty((256, 256, 3), np.float32)
    image[:] = GREEN
    crown = inside((128, 110), (80, 90)) & (np.arange(256) < 150)[:, None]
    shoulders = inside((128, 290), (110, 70))
    neck = (np.abs(np.arange(256) - 127.5) < 26)[None] & (np.arange(256) > 180)[:, None] & ~shoulders
    for where, colour in ((shoulders, CLOTH), (crown, top), (neck, SKIN), (inside((128, 140), (55, 75)), SKIN)):
        image[where] = colour
    for x in (102, 154):
        image[inside((x, 118), (11, 5))] = (30, 30, 30)
    image += np.random.default_rng(0).normal(0, 4, image.shape)
    person = (crown | shoulders | neck | inside((128, 140), (55, 75))).astype(np.float32)
    return np.clip(image, 0, 255).astype(np.uint8), person


def name_at(classes: np.ndarray, x: int, y: int) -> str:
    return {number: name for name, number in CLASS_ID.items()}[int(classes[y, x])]


@pytest.fixture(scope="module")
def classes() -> np.ndarray:
    image, person = scene()
    return pl.label(image, synthetic_points(), person, ROW)


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [
        (102, 118, "l_eye"), (154, 118, "r_eye"), (102, 100, "l_brow"), (154, 100, "r_brow"), (128, 140, "nose"),
        (128, 169, "u_lip"), (128, 186, "l_lip"), (128, 178, "mouth"), (95, 150, "skin"), (128, 80, "skin"),
        (128, 40, "hair"), (65, 110, "hair"), (108, 217, "neck"), (60, 245, "cloth"), (10, 10, "background"),
        (240, 150, "background"),
    ],
)  # fmt: skip
def test_each_region_gets_its_class(classes: np.ndarray, x: int, y: int, name: str) -> None:
    assert name_at(classes, x, y) == name


def test_hairline_follows_the_picture(classes: np.ndarray) -> None:
    column = classes[20:110, 128]
    assert set(column[:40]) == {pl.HAIR}
    border = 20 + int(np.argmax(column == pl.SKIN))
    assert abs(border - 65) <= 3  # the oval's top


def test_covered_head_is_a_hat() -> None:
    image, person = scene(top=(200, 30, 30))
    classes = pl.label(image, synthetic_points(), person, ROW | {"headwear": "1", "hair_colour": "hidden"})
    assert name_at(classes, 128, 40) == "hat"
    assert not (classes == pl.HAIR).any()


def test_bald_head_is_skin() -> None:
    image, person = scene(top=SKIN)
    classes = pl.label(image, synthetic_points(), person, ROW | {"hair_colour": "bald", "hair_length": ""})
    assert name_at(classes, 128, 45) == "skin"
    assert not (classes == pl.HAIR).any()


def test_head_mask_is_the_head_without_cloth(classes: np.ndarray) -> None:
    mask = pl.head_mask(classes, 128)
    assert mask.shape == (128, 128) and mask.dtype == np.uint8
    assert mask[20, 64] == mask[75, 45] == mask[109, 64] == 255  # hair, skin, neck
    assert mask[122, 30] == mask[5, 5] == 0  # cloth, background


def test_guided_filter_keeps_a_step_of_the_guide_and_smooths_noise() -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = (200, 100, 50)
    clean = (np.arange(64) >= 32).astype(np.float32)[None, None].repeat(64, axis=1)
    noisy = clean + rng.normal(0, 0.2, clean.shape).astype(np.float32)
    smooth = pl.guided(image, noisy, radius=4, eps=1e-3)
    assert smooth.shape == clean.shape
    assert np.abs(smooth - clean).max() < 0.2
    assert (smooth - clean).std() < 0.35 * 0.2


def test_fill_uses_pixel_centres_at_half_integers() -> None:
    points = np.array([[10, 10], [20, 10], [20, 14], [10, 14]], np.float32)
    filled = pl.fill(points, (0, 1, 2, 3), 32)
    assert filled[12, 15] == 1 and filled[12, 8] == 0 and filled[12, 22] == 0
    assert abs(float(np.argwhere(filled)[:, 1].mean()) + 0.5 - 15) <= 0.5
