"""Settings: presets, files, sizes."""

import pytest

from dvaedit.errors import UsageError
from dvaedit.models.autoencoder import PAPER
from dvaedit.training.config import (
    PAPER_TRAINING,
    TrainConfig,
    changes,
    parameter_count,
    read_config,
    scaled,
    with_landmarks,
)


def test_the_papers_settings():
    """METHOD 6, number by number."""
    config = PAPER_TRAINING
    assert config.model == PAPER and config.model.prediction == "eps" and config.model.schedule == "linear"
    assert (config.batch_size, config.accumulation, config.pair_share, config.timesteps) == (4, 1, 1.0, "uniform")
    assert (config.learning_rate, config.weight_decay, config.warmup_steps) == (1e-4, 0.0, 0)
    assert (config.ema_decay, config.ema_warmup, config.gradient_clip, config.reg_weight) == (0.9999, False, 1.0, 1.0)
    assert (config.attribute_weight, config.id_noise, config.code_statistics) == (0.0, 0.0, False)
    assert config.model.unet.dropout == 0.1


def test_what_is_trained_at_the_papers_size():
    trained, total = parameter_count(PAPER_TRAINING.model)
    assert trained == 190_891_523  # METHOD 4: U-Net and encoder.linear
    assert total > trained


def test_width_and_size():
    config = scaled(PAPER_TRAINING, width=32, size=128).check()
    assert (config.model.unet.base_channels, config.model.unet.norm_groups) == (32, 8)
    assert config.model.unet.image_size == config.model.identity.image_size == 128
    assert config.model.unet.channel_multipliers == PAPER.unet.channel_multipliers
    assert scaled(PAPER_TRAINING) == PAPER_TRAINING
    assert with_landmarks(config, "mesh").model.landmarks.source == "mesh"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.toml", "learning_rate = 1\n[model.unet]\nbase_channels = 64\nattention_resolutions = [8, 16]\n"),
        ("s.json", '{"learning_rate": 1, "model": {"unet": {"base_channels": 64, "attention_resolutions": [8, 16]}}}'),
    ],
)
def test_a_file_is_put_over_the_preset(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    config = read_config(tmp_path / name, PAPER_TRAINING)
    assert config.learning_rate == 1.0 and config.model.unet.attention_resolutions == (8, 16)
    assert changes(PAPER_TRAINING, config) == [
        "model.unet.base_channels 64 instead of 128",
        "model.unet.attention_resolutions (8, 16) instead of (16,)",
        "learning_rate 1.0 instead of 0.0001",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lerning_rate = 1", "no setting lerning_rate"),
        ("[model.unet]\nwidth = 3", "no setting model.unet.width"),
        ('batch_size = "4"', "batch_size = '4' is not of the type of 4"),
        ("model = 3", "model = 3 is not of the type"),
        ("batch_size = true", "batch_size = True"),
        ("batch_size = ", "cannot read the settings"),
    ],
)
def test_files_that_make_no_sense(tmp_path, text, said):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_config(tmp_path / "s.toml", PAPER_TRAINING)
    with pytest.raises(UsageError, match="cannot read"):
        read_config(tmp_path / "none.toml", PAPER_TRAINING)


@pytest.mark.parametrize(
    "values",
    [{"batch_size": 0}, {"pair_share": 1.5}, {"reg_weight": -1.0}, {"precision": "int8"}, {"timesteps": "all"}],
)
def test_values_that_make_no_sense(values):
    with pytest.raises(UsageError, match=next(iter(values))):
        TrainConfig(**values).check()


def test_sizes_that_do_not_fit():
    with pytest.raises(UsageError, match="crops of 100 pixels"):
        scaled(PAPER_TRAINING, size=100).check()
    with pytest.raises(UsageError, match="width 33"):
        scaled(PAPER_TRAINING, width=33).check()
