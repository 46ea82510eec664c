import random

import numpy as np
import open_clip
import pytest
import torch

from dvaedit.models.wording import INDEX
from dvaedit.training import clip, faces
from dvaedit.training.attributes import label_matrix
from dvaedit.training.captions import Caption
from dvaedit.training.clip_eval import auc, balanced_accuracy
from dvaedit.training.clip_export import full_model
from dvaedit.training.clip_tokens import UNKNOWN, Tokens
from tests.training.test_captions import OLD_MAN, PLAIN

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def tokens():
    return Tokens(open_clip.SimpleTokenizer(context_length=32))


def tiny_set(count=12):
    rng = np.random.default_rng(0)
    rows = [PLAIN if index % 2 else OLD_MAN for index in range(count)]
    images = rng.integers(0, 256, (count, 40, 40, 3), dtype=np.uint8)
    labels, points = label_matrix(rows), np.zeros((count, 68, 2), np.float32)
    return faces.FaceSet(rows, images, images[..., 0], points, labels, np.ones(count), np.arange(count) < 2)


def trainer():
    return clip.Trainer(clip.TrainConfig(batch_size=4, warmup_steps=1, model=TINY), tiny_set(), samples=40)


def test_tokens_keep_known_words_and_merge_unknown_ones(tokens):
    start, blond, hair, end, *_ = tokens(["blond hair"])[0].tolist()
    assert tokens(["blond zyxgon hair"])[0].tolist()[:2] == [start, blond]
    assert UNKNOWN in tokens(["blond zyxgon hair"])[0].tolist()[2:5] and end == tokens.size - 1
    decoded = tokens.tokenizer.decode([int(tokens.ids[row - 1]) for row in (blond, hair)])
    assert decoded == "blond hair "


def test_short_encoding_equals_open_clips(tokens):
    torch.manual_seed(0)
    config = {**TINY["text_cfg"], "vocab_size": tokens.size}
    model = open_clip.CLIP(16, TINY["vision_cfg"], config).eval()
    ids = tokens(["blond hair", "an old man with a long grey beard and glasses"])
    torch.testing.assert_close(tokens.encode(model, ids), model.encode_text(ids, normalize=True))


def test_full_embedding_repeats_the_unknown_row(tokens):
    small = torch.randn(tokens.size, 3)
    full = tokens.full_embedding(small)
    blond = tokens.tokenizer.encode("blond")[0]
    torch.testing.assert_close(full[blond], small[tokens.rows[blond]], rtol=0, atol=0)
    torch.testing.assert_close(full[tokens.tokenizer.encode("xylophone")[0]], small[UNKNOWN], rtol=0, atol=0)


def test_contrastive_loss_is_least_where_logits_follow_agreement():
    agree = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, torch.nan]])
    claims = torch.ones(3)
    right = 20 * agree.nan_to_num()
    assert clip.contrastive_loss(right, agree, claims) < 1.5
    assert clip.contrastive_loss(-right, agree, claims) > 15
    undecided = right.clone()
    undecided[1, 2] = 50
    torch.testing.assert_close(
        clip.contrastive_loss(undecided, agree, claims), clip.contrastive_loss(right, agree, claims)
    )


def test_paraphrases_find_all_wordings_of_their_claims():
    claims = [(1, 2), (3,), (2, 1)]
    alike = 20 * torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    assert clip.paraphrase_loss(alike, claims) < 0.5
    assert clip.paraphrase_loss(20 * torch.eye(3), claims) > 6


def test_direction_compares_images_with_and_without():
    image = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 5.0]])
    agree = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, torch.nan]])
    allowed = torch.tensor([[True, True], [True, True], [False, True]])
    step = torch.tensor([[2.0, 0.0], [0.0, 1.0]])  # nothing lacks what the second caption says: it is left out
    assert clip.direction_loss(image, step, agree, allowed) == 0
    assert clip.direction_loss(image, -step, agree, allowed) == 2
    assert clip.direction_loss(image, step, agree, torch.ones_like(allowed)) > 0.2


def test_faces_of_one_sex_are_compared_unless_the_caption_is_about_sex():
    labels = torch.from_numpy(label_matrix([OLD_MAN, PLAIN]))
    texts = [Caption("", (INDEX["beard"],)), Caption("", (INDEX["female"],))]
    assert clip.comparable(labels, texts).tolist() == [[True, True], [False, True]]


def test_captions_of_a_batch_hold_and_the_false_ones_do_not():
    batch = trainer().batches[0]
    count, false = len(batch.images), range(8, len(batch.texts))
    assert all(batch.agree[face, face] == 1 and batch.agree[face, face + count] == 1 for face in range(count))
    assert all(batch.agree[face, text] == 0 for face, text in zip(batch.false_of, false, strict=True))
    again = trainer().batches[0]
    assert again.texts == batch.texts and torch.equal(again.images, batch.images)


def test_resumed_run_equals_uninterrupted_one():
    whole, first = trainer(), trainer()
    terms = [whole.train_step() for _ in range(3)]
    for _ in range(2):
        first.train_step()
    second = trainer()
    second.restore(first.state())
    assert second.train_step() == terms[2]
    assert terms[0].keys() == {"contrast", *clip.SIDE_TERMS, "grad"}


def test_exported_model_answers_as_the_trained_one():
    run = trainer()
    run.train_step()
    averaged, full = run.averaged(1), full_model(run)
    text = ["a bearded man with glasses", "blond xylophone"]
    rows = run.tokens(text)
    expected = run.tokens.encode(averaged, rows)
    torch.testing.assert_close(full.encode_text(run.tokens.tokenizer(text), normalize=True)[0], expected[0])


def test_auc_and_balanced_accuracy():
    truth = np.array([1, 1, 0, 0, np.nan])
    assert auc(np.array([3.0, 1.0, 2.0, 0.0, 9.0]), truth) == 0.75
    assert np.isnan(auc(np.zeros(2), np.zeros(2)))
    assert balanced_accuracy(np.array([True, False, False, False, True]), truth) == 0.75


def test_random_words_are_inserted_only_with_a_generator(tokens):
    texts = ["blond hair"] * 200
    assert (tokens(texts)[:, 1:3] == UNKNOWN).sum() == 0
    share = (tokens(texts, random.Random(0)).argmax(dim=1) > 3).float().mean()
    assert 0.15 < share < 0.35
