import random

import numpy as np
import pytest

from dvaedit.models.wording import CONCEPTS, INDEX, familiarity, known_words
from dvaedit.training import captions
from dvaedit.training.captions import Caption

PLAIN = {
    "sex": "f", "age": "young", "hair_colour": "brown", "hair_length": "long", "hair_texture": "straight",
    "glasses": "none", "facial_hair": "none", "smile": "none", "mouth_open": "0", "large_pose": "0", "bangs": "0",
    "headwear": "0", "makeup": "0", "eyes_closed": "0", "occluded": "0", "receding_hairline": "0",
    "rosy_or_freckled": "0",
}  # fmt: skip
OLD_MAN = PLAIN | {
    "sex": "m", "age": "old", "hair_colour": "gray", "hair_length": "short", "glasses": "eyeglasses",
    "facial_hair": "beard", "smile": "broad",
}  # fmt: skip


def said_of(row):
    truth = captions.truth_matrix([row])[0]
    return {concept.name for concept, value in zip(CONCEPTS, truth, strict=True) if value == 1}


def test_every_concept_has_a_rule_and_a_wording():
    assert set(captions.TRUTH) == set(INDEX)
    assert all(c.noun or c.adjective or c.having or c.doing for c in CONCEPTS)


def test_truth_follows_the_labels():
    assert {"old", "male", "gray_hair", "short_hair", "eyeglasses", "beard", "smiling", "broad_smile"} <= said_of(
        OLD_MAN
    )
    assert not {"female", "young", "no_glasses", "no_beard", "not_smiling", "black_hair", "child"} & said_of(OLD_MAN)
    child = captions.truth_matrix([PLAIN | {"age": "child"}])[0]
    assert child[INDEX["girl"]] == 1 and child[INDEX["boy"]] == 0 and np.isnan(child[INDEX["female"]])
    hidden = captions.truth_matrix([PLAIN | {"hair_colour": "hidden", "hair_length": ""}])[0]
    assert all(np.isnan(hidden[INDEX[name]]) for name in ("brown_hair", "bald", "long_hair"))


def test_agreement_wrong_beats_unknown_beats_right():
    rows = [PLAIN, OLD_MAN, OLD_MAN | {"smile": "slight"}]
    claims = [("beard",), ("beard", "broad_smile"), ("beard", "not_smiling"), ()]
    texts = [Caption("", tuple(INDEX[name] for name in names)) for names in claims]
    expected = [[0, 0, 0, 1], [1, 1, 0, 1], [1, 0, np.nan, 1]]
    np.testing.assert_array_equal(captions.agreement(captions.truth_matrix(rows), texts), expected)


def test_drawn_claims_hold_and_differ_in_group():
    truth, rng = captions.truth_matrix([OLD_MAN])[0], random.Random(0)
    for _ in range(200):
        claims = captions.draw_claims(truth, np.ones(len(CONCEPTS)), rng)
        groups = [CONCEPTS[claim].group for claim in claims]
        assert all(truth[claim] == 1 for claim in claims) and len(set(groups)) == len(groups) <= 4


def test_contradiction_changes_one_claim_to_a_false_one_of_its_group():
    truth, rng = captions.truth_matrix([OLD_MAN])[0], random.Random(0)
    claims = (INDEX["beard"], INDEX["gray_hair"])
    for _ in range(50):
        other = captions.contradict(truth, claims, rng)
        (changed,) = [k for k in range(2) if other[k] != claims[k]]
        assert truth[other[changed]] == 0 and CONCEPTS[other[changed]].group == CONCEPTS[claims[changed]].group
    assert captions.contradict(truth, (), rng) is None


def test_wording_is_deterministic_and_varied():
    texts = [captions.compose_named("blond_hair", random.Random(seed)).text for seed in range(300)]
    assert texts == [captions.compose_named("blond_hair", random.Random(seed)).text for seed in range(300)]
    assert len(set(texts)) > 200
    assert not any("{" in text or "  " in text for text in texts)


@pytest.mark.parametrize("name", ["blond_hair", "eyeglasses", "beard", "old", "no_glasses", "hat"])
def test_each_caption_of_a_concept_holds_one_of_its_wordings(name):
    concept = CONCEPTS[INDEX[name]]
    parts = [*concept.noun, *concept.adjective, *concept.having, *concept.doing, *concept.command]
    fixed = {part for wording in parts for part in wording.replace("{them}", "|").replace("{their}", "|").split("|")}
    for seed in range(200):
        text = captions.compose_named(name, random.Random(seed)).text
        assert any(part.strip() and part.strip() in text for part in fixed), text


def test_known_words():
    assert known_words("Make her hair blond") == (["hair", "blond"], [])
    assert known_words("a face with fair-haired curls and a monocle") == (["fair", "haired", "curls"], ["monocle"])
    assert known_words("pink hair")[1] == ["pink"]
    assert known_words("five o'clock shadow")[1] == []
    assert known_words("face") == ([], [])


def test_familiarity():
    assert familiarity("face") == 1.0
    assert familiarity("blond hair") == 1.0
    assert familiarity("wings") == 0.0
    assert familiarity("blond zombie") == 0.5
