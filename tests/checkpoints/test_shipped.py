"""The weights in the repository are what their cards say."""

from pathlib import Path

import pytest

from dvaedit.checkpoints.cards import MODEL
from dvaedit.checkpoints.store import find_model, list_cards, verify

WEIGHTS = Path(__file__).parents[2] / "weights"
CARDS = [path.stem for path in sorted(WEIGHTS.glob("*.json"))]


@pytest.mark.parametrize("name", CARDS)
def test_shipped_file_has_the_digest_of_its_card(name):
    card = {card.name: card for card in list_cards()}[name]
    assert card.licence
    if card.kind == MODEL:
        assert set(find_model(name).parts) == {"autoencoder", "classifier", "parser", "morphs"}
    else:
        assert verify(card).is_file()
        assert card.training_data


def test_the_compact_model_is_whole():
    assert {"compact", "compact-autoencoder", "compact-classifier", "compact-parser", "compact-clip"} <= set(CARDS)
