import dataclasses
import json

import numpy as np
import pytest
import torch

from dvaedit.checkpoints.store import find_card, load_into, load_tensors
from dvaedit.errors import WeightsError
from dvaedit.face import align
from dvaedit.face.regions import CLASS_ID, CLASSES
from dvaedit.models.config import from_dict
from dvaedit.models.parsing import Parser, ParserConfig

# The aligned crop of skimage's astronaut, frame pixels, and what its 256 px crop shows where (x, y).
ASTRONAUT_QUAD = [[140.3, 13.4], [132.0, 190.5], [309.1, 198.8], [317.5, 21.7]]
ASTRONAUT_PLACES = [
    (130, 25, "hair"), (45, 95, "hair"), (215, 90, "hair"), (85, 155, "skin"), (140, 95, "skin"), (127, 150, "nose"),
    (94, 121, "l_eye"), (160, 122, "r_eye"), (20, 20, "background"), (240, 40, "background"), (127, 185, "mouth"),
    (60, 225, "cloth"),
]  # fmt: skip

SMALL = ParserConfig(image_size=64, working_size=64, encoder="tu-mobilenetv3_small_050", decoder_channels=(16, 8, 8, 8))


@pytest.fixture(scope="module")
def parser() -> Parser:
    torch.manual_seed(0)
    return Parser(SMALL).eval()


@pytest.fixture(scope="module")
def shipped() -> Parser:
    try:
        card = find_card("compact-parser")
    except WeightsError:
        pytest.skip("the compact parser's weights are not here")
    model = Parser(from_dict(ParserConfig, card.config))
    load_into(model, load_tensors(card))
    return model.eval()


def crops(size: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("size", [64, 96, 50])
@torch.inference_mode()
def test_probabilities_of_crops_of_any_size(parser: Parser, size: int) -> None:
    x = crops(size)
    probabilities = parser.parse(x)
    assert probabilities.shape == (2, len(CLASSES), size, size)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, size, size))
    assert torch.equal(parser.class_map(x).long(), probabilities.argmax(dim=1))
    assert parser.class_map(x).dtype == torch.uint8


@torch.inference_mode()
def test_logits_are_of_two_looks_each_moved_by_a_pixel(parser: Parser) -> None:
    x = crops(64)
    assert parser(x).shape == (2, len(CLASSES), 32, 32)
    moved = torch.cat([x[..., :1], x[..., :-1]], dim=3)
    enlarged = [
        torch.nn.functional.interpolate(parser(one), (64, 64), mode="bilinear") for one in (moved, moved.flip(3))
    ]
    plain, mirrored = enlarged[0], enlarged[1].flip(3)
    assert CLASSES[2:5] == ("l_brow", "r_brow", "l_eye") and CLASSES[7:9] == ("l_ear", "r_ear")
    left = (plain[:, 2] + mirrored[:, 3]) / 2
    torch.testing.assert_close(parser.logits(x)[:, 2, :, :-1], left[..., 1:])
    torch.testing.assert_close(parser.logits(x)[:, 17, :, :-1], (plain[:, 17] + mirrored[:, 17])[..., 1:] / 2)


@torch.inference_mode()
def test_frames_of_a_batch_do_not_touch_each_other(parser: Parser) -> None:
    x = crops(64, 3)
    torch.testing.assert_close(parser.logits(x)[1:2], parser.logits(x[1:2]), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_values_beyond_the_range_are_clamped(parser: Parser) -> None:
    x = 2 * crops(64)
    torch.testing.assert_close(parser.logits(x), parser.logits(x.clamp(-1, 1)))


def test_config_survives_a_card() -> None:
    assert from_dict(ParserConfig, json.loads(json.dumps(dataclasses.asdict(SMALL)))) == SMALL


@torch.inference_mode()
def test_shipped_parser_on_a_photograph(shipped: Parser) -> None:
    data = pytest.importorskip("skimage.data")
    crop = align.crop(data.astronaut(), np.array(ASTRONAUT_QUAD), 256)
    classes = shipped.class_map(torch.from_numpy(crop).permute(2, 0, 1)[None] / 127.5 - 1)[0].numpy()

    def at(x: int, y: int) -> str:
        patch = classes[y - 3 : y + 4, x - 3 : x + 4]
        return CLASSES[np.bincount(patch.ravel()).argmax()]

    assert [at(x, y) for x, y, _ in ASTRONAUT_PLACES] == [name for _, _, name in ASTRONAUT_PLACES]
    assert np.mean(classes == CLASS_ID["background"]) > 0.05


@torch.inference_mode()
def test_shipped_parser_mirrors(shipped: Parser) -> None:
    data = pytest.importorskip("skimage.data")
    crop = align.crop(data.astronaut(), np.array(ASTRONAUT_QUAD), 256)
    x = torch.from_numpy(crop).permute(2, 0, 1)[None] / 127.5 - 1
    hair = CLASS_ID["hair"]
    there, mirrored = shipped.parse(x)[0, hair], shipped.parse(x.flip(3))[0, hair].flip(1)
    assert (there - mirrored).abs().mean() < 0.1  # 0.075 measured
