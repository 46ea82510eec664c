"""The part of CLIP's vocabulary that the captions use.

The tokenizer knows 49,408 word parts; the captions need under a thousand. Training holds those alone, and one row for
all others, which learns to mean nothing: it is put in at random places. The exported table repeats that row, so a word
the model never met changes little, whatever it is.
"""

from __future__ import annotations

import random
import re

import numpy as np
import torch
from open_clip import SimpleTokenizer
from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES
from torch import Tensor, nn
from torch.nn import functional as F

from dvaedit.models.wording import (
    COMMANDS,
    CONCEPTS,
    FILLER_WORDS,
    JOINS,
    PHOTO_FRAMES,
    PRONOUNS,
    SENTENCES,
    SUBJECTS,
)

UNKNOWN = 0


def used_tokens(tokenizer: SimpleTokenizer) -> np.ndarray:
    """Sorted ids, int64, of all word parts that a caption can hold, the start and end marks included."""
    wordings = (text for c in CONCEPTS for text in (*c.noun, *c.adjective, *c.having, *c.doing, *c.command))
    pronouns = (word for row in PRONOUNS for word in row)
    templates = (template(" ") for template in OPENAI_IMAGENET_TEMPLATES)
    frames = (*PHOTO_FRAMES, *SENTENCES, *COMMANDS, *SUBJECTS, *JOINS, *FILLER_WORDS, "a an the who is has . , : - ;")
    texts = (re.sub(r"\{\w*\}", " ", text) for text in (*wordings, *pronouns, *templates, *frames))
    ids = {token for text in texts for token in tokenizer.encode(text)}
    return np.array(sorted(ids | {tokenizer.sot_token_id, tokenizer.eot_token_id}))


class Tokens:
    """Texts to rows of the small vocabulary: row 0 is every unknown part, row i + 1 the token ``ids[i]``.

    The order of the ids is kept, so the end mark stays the largest number, which is how CLIP finds it.
    """

    def __init__(self, tokenizer: SimpleTokenizer) -> None:
        self.tokenizer, self.ids = tokenizer, used_tokens(tokenizer)
        self.rows = {int(token): row + 1 for row, token in enumerate(self.ids)}

    @property
    def size(self) -> int:
        return len(self.ids) + 1

    def __call__(self, texts: list[str], rng: random.Random | None = None, unknown: float = 0.25) -> Tensor:
        """(N, context_length) int64, padded with 0; with ``rng``, a share ``unknown`` gets unknown words put in."""
        result = torch.zeros(len(texts), self.tokenizer.context_length, dtype=torch.long)
        start, end = self.rows[self.tokenizer.sot_token_id], self.rows[self.tokenizer.eot_token_id]
        for place, text in enumerate(texts):
            rows = [self.rows.get(token, UNKNOWN) for token in self.tokenizer.encode(text)]
            if rng is not None and rng.random() < unknown:
                for _ in range(rng.choice((1, 1, 2, 3))):
                    rows.insert(rng.randrange(len(rows) + 1), UNKNOWN)
            rows = [start, *rows[: self.tokenizer.context_length - 2], end]
            result[place, : len(rows)] = torch.tensor(rows)
        return result

    def encode(self, model: nn.Module, tokens: Tensor) -> Tensor:
        """(N, D) of unit norm: the model's ``encode_text`` on no more places than the longest text needs.

        Attention is causal: what follows the end mark cannot change its output.
        """
        last = tokens.argmax(dim=1)
        length = int(last.max()) + 1
        x = model.token_embedding(tokens[:, :length]) + model.positional_embedding[:length]
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
        return F.normalize(x[torch.arange(len(x)), last] @ model.text_projection, dim=-1)

    def full_embedding(self, small: Tensor) -> Tensor:
        """(49408, width): the trained rows at their ids, the row of unknown parts everywhere else."""
        full = small[UNKNOWN].repeat(self.tokenizer.vocab_size, 1)
        full[torch.from_numpy(self.ids)] = small[1:]
        return full
