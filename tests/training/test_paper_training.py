"""The paper's training with a toy network: the loss, exact resume, accumulation, several processes, precision."""

import csv
import json
import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvaedit.cli import main
from dvaedit.errors import UsageError
from dvaedit.face.regions import TRAINING_FACE
from dvaedit.training.autoencoder import Trainer, face_mask, resumed_config, train
from dvaedit.training.batch import Batch
from dvaedit.training.config import TrainConfig
from dvaedit.training.objective import Objective
from dvaedit.training.run import Run
from dvaedit.training.video_batches import VideoSource
from dvaedit.training.video_set import open_split
from tests.models.test_unet import TINY
from tests.training.conftest import IR_SE50, TINY_TRAINING

REPOSITORY = Path(__file__).parents[2]


class UpperHalf:
    """A parser that calls the upper half of a crop skin and the rest background."""

    config = SimpleNamespace(image_size=16)

    def class_map(self, x):
        rows = torch.arange(x.shape[2])[:, None].expand(x.shape[2:])
        return (rows < x.shape[2] // 2).to(torch.uint8).expand(len(x), -1, -1)


@pytest.fixture
def source(videos):
    return VideoSource(open_split(videos, "train", 16), TINY_TRAINING.batch_size, TINY_TRAINING.seed, points=True)


def run_of(source, folder, crops, config=TINY_TRAINING, **options):
    return train(config, source, Run(folder, say=lambda line: None), crops, parser=UpperHalf(), sheet_every=0,
                 log_every=1, **options)  # fmt: skip


def curve(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [(float(row["simple"]), float(row["reg"]), float(row["grad"])) for row in csv.DictReader(file)]


def same(one, other):
    pairs = ((one.model.state_dict(), other.model.state_dict()), (one.ema.average, other.ema.average))
    moments = [trainer.optimizer.state_dict()["state"] for trainer in (one, other)]
    return all(torch.equal(a[name], b[name]) for a, b in pairs for name in a) and all(
        torch.equal(moments[0][k][name], moments[1][k][name]) for k in moments[0] for name in ("exp_avg", "exp_avg_sq")
    )


def test_the_loss_is_the_papers(source):
    """METHOD 6, written out: two noises at one t, L1 of eps, masked difference of the unclamped pred_x_0."""
    torch.manual_seed(0)
    trainer = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    for parameter in trainer.model.unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    trainer.model.eval()
    batch = trainer._masked(source[0])
    total, terms = trainer.objective(batch, seed=5)

    generator = torch.Generator().manual_seed(5)
    t = torch.randint(1000, (2,), generator=generator)
    eps, eps_pair = torch.randn((4, 3, 16, 16), generator=generator).split(2)
    a = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)[t].float()[:, None, None, None]
    z_face = trainer.model.face_code(trainer.model.identity(batch.x_0), batch.z_lnd)
    out = [
        (x, trainer.model.unet(x, t, z_face))
        for x in (a.sqrt() * batch.x_0 + (1 - a).sqrt() * e for e in (eps, eps_pair))
    ]
    simple = sum((e - o).abs().mean((1, 2, 3)) for e, (_, o) in zip((eps, eps_pair), out, strict=True)).mean()
    first, second = ((x - (1 - a).sqrt() * o) / a.sqrt() for x, o in out)
    mask = torch.zeros(1, 1, 16, 16)
    mask[:, :, :8] = 1
    reg = (mask * (first - second)).abs().mean()
    assert total.item() == pytest.approx((simple + reg).item(), rel=1e-4)
    assert terms["simple"].item() == pytest.approx(simple.item() / 2, rel=1e-4)
    assert terms["reg"].item() == pytest.approx(reg.item(), rel=1e-4)


def test_only_the_unet_and_the_linear_map_are_trained(source, tmp_path):
    config = replace(TINY_TRAINING, model=replace(TINY_TRAINING.model, identity=IR_SE50))
    before = Trainer(config, source, parser=UpperHalf())
    after = run_of(source, tmp_path, 4, config)
    assert {name.split(".")[1] for name in after.names} == {"unet", "face_code"}
    assert after.ema.average.keys() == {name.removeprefix("model.") for name in after.names}
    for name, tensor in before.model.state_dict().items():
        trained = name in after.ema.average
        changed = not torch.equal(tensor, after.model.state_dict()[name])
        assert not changed or trained, name
    assert not after.model.identity.training and after.model.unet.training


def test_ema_has_no_warm_up(source, tmp_path):
    start = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    first = {name: p.detach().clone() for name, p in start.model.named_parameters()}
    after = run_of(source, tmp_path, 2)
    name = "face_code.map.weight"
    wanted = 0.9 * first[name] + 0.1 * dict(after.model.named_parameters())[name]
    assert torch.allclose(after.ema.average[name], wanted, atol=1e-7)


def test_the_first_adam_step_is_as_long_as_the_rate(source, tmp_path):
    first = {n: p.detach().clone() for n, p in Trainer(TINY_TRAINING, source).model.named_parameters()}
    after = dict(run_of(source, tmp_path, 2).model.named_parameters())
    step = (after["unet.conv_out.bias"] - first["unet.conv_out.bias"]).abs()
    assert step.max().item() == pytest.approx(1e-3, rel=1e-2)


def test_resumed_run_equals_an_uninterrupted_one(source, tmp_path):
    config = replace(TINY_TRAINING, accumulation=2)
    whole = run_of(source, tmp_path / "a", 24, config)
    run_of(source, tmp_path / "b", 8, config)
    resumed = run_of(source, tmp_path / "b", 24, config)
    assert (resumed.step, resumed.draws, resumed.samples) == (whole.step, whole.draws, whole.samples) == (6, 12, 24)
    assert same(whole, resumed)
    assert curve(tmp_path / "a") == curve(tmp_path / "b")


def test_reading_in_other_processes_changes_nothing(source, tmp_path):
    assert same(run_of(source, tmp_path / "a", 8), run_of(source, tmp_path / "b", 8, workers=1))


def test_accumulation_averages_the_gradients_of_its_passes(source):
    trainer = Trainer(replace(TINY_TRAINING, accumulation=2), source, parser=UpperHalf())
    singles = []
    for draw in (0, 1):
        one = Trainer(TINY_TRAINING, source, parser=UpperHalf())
        one.draws = draw
        one._pass(0)
        singles.append([p.grad.clone() for p in one.parameters])
    for number in range(2):
        trainer._pass(number)
    for parameter, a, b in zip(trainer.parameters, *singles, strict=True):
        assert torch.allclose(parameter.grad, (a + b) / 2, atol=1e-7)


@pytest.mark.slow  # torch imports its compiler for it
def test_checkpointing_changes_no_number(source, tmp_path):
    config = replace(TINY_TRAINING, checkpointing=True)
    for name, tensor in run_of(source, tmp_path / "a", 8, config).model.state_dict().items():
        assert torch.allclose(tensor, run_of(source, tmp_path / "b", 8).model.state_dict()[name], atol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near_and_resumes_exactly(source, tmp_path, precision):
    config = replace(TINY_TRAINING, precision=precision)
    whole = run_of(source, tmp_path / "a", 12, config)
    run_of(source, tmp_path / "b", 4, config)
    resumed = run_of(source, tmp_path / "b", 12, config)
    assert same(whole, resumed)
    assert whole.scaler.get_scale() == resumed.scaler.get_scale()
    full = run_of(source, tmp_path / "c", 12)
    assert all(p.dtype == torch.float32 for p in whole.model.parameters())
    assert not same(whole, full)
    found, wanted = np.array(curve(tmp_path / "a")), np.array(curve(tmp_path / "c"))
    assert found[:, 0] == pytest.approx(wanted[:, 0], rel=0.05)


def test_the_mask_is_the_training_mask():
    class Every:
        def class_map(self, x):
            return torch.arange(19, dtype=torch.uint8)[None, None]

    mask = face_mask(Every(), torch.zeros(1, 3, 1, 19))
    assert mask.shape == (1, 1, 1, 19)
    assert set(np.flatnonzero(mask.numpy().ravel())) == set(TRAINING_FACE) == set(range(1, 16)) | {17}


def test_without_a_parser_there_is_no_mask(source):
    with pytest.raises(UsageError, match="no parser"):
        Trainer(TINY_TRAINING, source).train_step()
    Trainer(replace(TINY_TRAINING, reg_weight=0.0), source).train_step()


def test_divergence_is_named(source):
    trainer = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    with torch.no_grad():
        trainer.model.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(UsageError, match="diverged: the loss of step 1"):
        trainer.train_step()


def test_a_stop_saves_and_the_run_goes_on(source, tmp_path):
    import signal

    def stop(done, total):
        if done == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = run_of(source, tmp_path / "a", 12, progress=stop)
    assert (stopped.step, stopped.stopped) == (3, signal.SIGTERM)
    assert same(run_of(source, tmp_path / "a", 12), run_of(source, tmp_path / "b", 12))


def test_snapshots_are_written(source, tmp_path):
    run = Run(tmp_path, keep=2, say=lambda line: None)
    train(TINY_TRAINING, source, run, 12, parser=UpperHalf(), sheet_every=3, snapshot_every=2, sheet=(2, 2))
    assert [path.stem for path in sorted((tmp_path / "snapshots").iterdir())] == ["000000004", "000000006"]
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["0000003.png", "0000006.png"]


def test_another_model_or_order_is_refused_another_rate_is_said(source, tmp_path):
    state = run_of(source, tmp_path, 4).state()
    assert resumed_config(state, TINY_TRAINING) == []
    assert resumed_config(state, replace(TINY_TRAINING, learning_rate=0.1)) == ["learning_rate 0.1 instead of 0.001"]
    for other in (
        replace(TINY_TRAINING, seed=3),
        replace(TINY_TRAINING, model=replace(TINY_TRAINING.model, schedule="x")),
    ):
        with pytest.raises(UsageError, match="other settings"):
            resumed_config(state, other)


def test_checkpoints_of_the_first_trainer_are_still_read(source):
    """They have no names of parameters, draws or scaler; the order of parameters is that of the model's tensors."""
    trainer = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    trainer.train_step()
    state = deepcopy(trainer.state())
    names = list(state["parameters"])[::-1]  # a network whose parts were made in another order
    moments = state["optimizer"]["state"]
    old = {
        "step": 1, "config": {"model": asdict(TINY_TRAINING.model), "batch_size": 2}, "head": {},
        "model": {name: state["model"][name] for name in reversed(list(state["model"]))},
        "ema": state["ema"], "ema_steps": 1,
        "optimizer": {
            "state": {place: moments[trainer.names.index(name)] for place, name in enumerate(names)},
            "param_groups": state["optimizer"]["param_groups"],
        },
    }  # fmt: skip
    again = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    again.restore(old)
    assert (again.step, again.draws, again.samples) == (1, 1, 2)
    for one in (trainer, again):
        one.train_step()
    assert same(trainer, again)


def test_labels_are_ignored_where_the_head_is_left_out(source):
    trainer = Trainer(TINY_TRAINING, source, parser=UpperHalf())
    assert trainer.head is None and isinstance(trainer.objective, Objective)
    total, terms = trainer.objective(Batch(**{**vars(source[0]), "mask": torch.ones(2, 1, 16, 16)}), 0)
    assert set(terms) == {"simple", "reg"} and total.requires_grad


def test_the_compact_architecture_trains_on_videos_too(videos, tmp_path):
    """Trained identity encoder, v prediction, standardised codes: by the same code."""
    model = replace(TINY, unet=replace(TINY.unet, image_size=16, attention_resolutions=()))
    config = TrainConfig(model=model, batch_size=2, warmup_steps=2)
    source = VideoSource(open_split(videos, "train", 16), 2, 0, points=True)
    trainer = run_of(source, tmp_path, 8, config)
    assert trainer.step == 4 and trainer.head is None
    assert any(name.startswith("identity.") for name in trainer.ema.average)
    assert trainer.model.face_code.id_scale.item() == pytest.approx(12**0.5)
    points = np.concatenate([np.load(path)["points"] for path in sorted((videos / "tables" / "train").iterdir())])
    y = np.clip(points[:, 17:, 1], 0, 1).mean()
    assert trainer.model.face_code.lnd_mean[1::2].mean().item() == pytest.approx(y, abs=1e-4)
    assert trainer.model.face_code.lnd_mean[::2].mean().item() == pytest.approx(0.5, abs=1e-4)  # as often mirrored


def command(run, videos, config, *extra, processes=1):
    start = [sys.executable, "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    line = [
        *start, "dvaedit", "train", "autoencoder", "--data", str(videos), "--out", str(run), "--config", str(config),
        "--random-networks", "--no-check-alignment", "--device", "cpu", "--log-every", "1", "--sheet-every", "0",
        "--snapshot-every", "0", *extra,
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY), "DVAEDIT_DEBUG": ""}
    return subprocess.run(line, capture_output=True, text=True, timeout=300, env=environment, cwd=run.parent)


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(asdict(replace(TINY_TRAINING, batch_size=2))))
    return path


@pytest.mark.slow  # starts Python seven times
def test_two_processes_equal_one_with_the_same_global_batch(videos, settings, tmp_path):
    """torchrun, gloo, two processes of one pass each against one process of two passes: the same curve and weights."""
    one = command(tmp_path / "one", videos, settings, "--crops", "20", "--accumulate", "2")
    assert one.returncode == 0, one.stderr
    two = command(tmp_path / "two", videos, settings, "--crops", "12", processes=2)
    assert two.returncode == 0, two.stderr
    two = command(tmp_path / "two", videos, settings, "--crops", "20", processes=2)  # and resumed
    assert two.returncode == 0, two.stderr
    assert two.stdout == f"{tmp_path / 'two' / 'checkpoint.pt'}\n"  # one of the processes speaks for both
    curves = [np.array(curve(tmp_path / name)) for name in ("one", "two")]
    assert curves[0].shape == (5, 3)
    assert curves[1] == pytest.approx(curves[0], rel=1e-4, abs=1e-5)
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("one", "two")]
    assert [state["samples"] for state in states] == [20, 20]
    for part in ("model", "ema"):
        for name, tensor in states[0][part].items():
            assert torch.allclose(tensor, states[1][part][name], atol=1e-6), name


def arguments(run, videos, config, *extra):
    return ("train", "autoencoder", "--data", str(videos), "--out", str(run), "--config", str(config),
            "--no-check-alignment", "--device", "cpu", "--log-every", "1", *extra)  # fmt: skip


def test_the_command_trains_and_resumes(videos, settings, tmp_path, capsys):
    line = arguments(tmp_path / "run", videos, settings, "--crops", "4", "--json")
    assert main(line) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["step"], result["crops"]) == (2, 4)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["batch_size"] == 2
    assert main(arguments(tmp_path / "run", videos, settings, "--crops", "8", "--learning-rate", "0.1")) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'run' / 'checkpoint.pt'}\n"
    assert "resumed with another setting: learning_rate 0.1 instead of 0.001" in err and "resumed at step 2" in err
    assert len(curve(tmp_path / "run")) == 4
    assert main(arguments(tmp_path / "run", videos, settings, "--batch", "3")) == 2
    assert "batch_size 3 instead of 2" in capsys.readouterr().err


def test_the_command_refuses_what_cannot_be_trained(videos, settings, tmp_path, capsys):
    text = settings.read_text()
    frozen = text.replace('"compact"', '"ir_se50"').replace('"channels": [8, 16]', '"channels": [2, 2, 2, 4]')
    for changed, said in (
        (text.replace('"image_size": 16', '"image_size": 64'), "16 pixels wide, the model is trained at 64"),
        (frozen, "the identity network is not trained here and has no weights"),
        (text.replace("batch_size", "batchsize"), "there is no setting batchsize"),
    ):
        settings.write_text(changed)
        assert main(arguments(tmp_path / "run", videos, settings, "--crops", "4")) == 2
        out, err = capsys.readouterr()
        assert out == "" and said in err
    assert not (tmp_path / "run" / "checkpoint.pt").exists()
