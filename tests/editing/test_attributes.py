import pytest
import torch

from dvaedit.editing.attributes import (
    AttributeEdit,
    apply_shift,
    attribute_shift,
    check_agreement,
    check_strength,
    classifier_step,
    known_edits,
    merged,
)
from dvaedit.editing.effects import added, adding, dyed, region_of, turning
from dvaedit.errors import UsageError
from dvaedit.models.classifier import AttributeModel


@pytest.fixture
def attributes():
    model = AttributeModel(("Blond_Hair", "Eyeglasses"), 4)
    model.mean.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    model.std.fill_(0.5)
    model.directions.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 2.0, 0, 0]]))
    model.weight.copy_(torch.tensor([[3.0, 0, 0, 4.0], [0, 1.0, 0, 0]]))
    return model


def test_shifts_add_up_with_their_strengths(attributes):
    edits = [AttributeEdit("Blond_Hair", 0.5), AttributeEdit("eyeglasses", -1)]
    assert attribute_shift(attributes, torch.ones(1, 4), edits).tolist() == [0.5, -2, 0, 0]


def test_an_unknown_name_is_answered_with_those_there_are(attributes):
    with pytest.raises(UsageError, match="unknown attribute 'Foo'") as raised:
        known_edits(attributes, [AttributeEdit("Foo")])
    assert raised.value.hint == "`dvaedit attributes` lists all: Blond_Hair, Eyeglasses."
    with pytest.raises(UsageError) as raised:
        known_edits(attributes, [AttributeEdit("Eyeglass")])
    assert raised.value.hint.startswith("Did you mean Eyeglasses? ")


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"Smiling": 1}, {"Male": 1, "Smiling": -0.6}, "a and b contradict each other in Smiling"),
        ({"Blond_Hair": 1}, {"Black_Hair": 0.8}, "a and b give hair two colours"),
        ({"Blond_Hair": 1}, {"Blond_Hair": 1, "Black_Hair": 1}, "a and b give hair two colours"),
        ({"Blond_Hair": 1}, {"Black_Hair": -1, "Blond_Hair": 0.5}, None),
        ({"Blond_Hair": 1, "Black_Hair": 1}, {"Smiling": 1}, None),  # one text may say so
        ({"Blond_Hair": 1, "Smiling": 0}, {"Dyed_Hair": 1, "Smiling": -1}, None),
    ],
)
def test_wishes_must_agree(one, other, said):
    if said is None:
        check_agreement([("a", one), ("b", other)])
        return
    with pytest.raises(UsageError, match=said) as raised:
        check_agreement([("c", {}), ("a", one), ("b", other)])
    assert raised.value.hint


def test_an_edit_map_depends_on_sign_and_face():
    model = AttributeModel(("Eyeglasses",), 2, rank=1)
    model.offset.copy_(torch.tensor([[[2.0, 0.0]], [[0.0, 0.0]]]))
    model.left.copy_(torch.tensor([[[[-1.0], [0.0]]], [[[-1.0], [0.0]]]]))
    model.right.copy_(torch.tensor([[[[1.0, 0.0]]], [[[1.0, 0.0]]]]))
    bare, glasses = torch.tensor([[0.6, 0.8]]), torch.tensor([[1.0, 0.0]])
    assert torch.allclose(model.change("Eyeglasses", 0.5, bare), torch.tensor([0.7, 0.0]))  # 0.5 (2 - 0.6)
    assert torch.allclose(model.change("Eyeglasses", 0.5, glasses), torch.tensor([0.5, 0.0]))
    assert torch.allclose(model.change("Eyeglasses", -2.0, glasses), torch.tensor([-2.0, 0.0]))


def test_zero_shift_returns_the_very_code(attributes):
    z_id_rep = torch.tensor([[0.1, 0.3, 0.2, 0.5]])
    assert torch.equal(apply_shift(attributes, z_id_rep, torch.zeros(4)), z_id_rep)


def test_edit_keeps_the_length_of_the_mean_code(attributes):
    z_id_rep = torch.tensor([[0.1, 0.3, 0.2, 0.5]])
    edited = apply_shift(attributes, z_id_rep, torch.tensor([1.0, 0, 0, 0]))
    assert edited.norm().item() == pytest.approx(z_id_rep.norm().item(), abs=1e-6)
    expected = z_id_rep + torch.tensor([[0.5, 0, 0, 0]])
    assert torch.allclose(edited / edited.norm(), expected / expected.norm(), atol=1e-6)


def test_classifier_step_is_the_papers_formula(attributes):
    """z' = n(z sigma + mu), z = (z_id_rep - mu)/sigma + s sqrt(D) w/|w| (METHOD 8.2)."""
    z_id_rep = torch.tensor([[0.1, 0.3, 0.2, 0.5]])
    z = (z_id_rep - attributes.mean) / 0.5 + 0.25 * 2 * torch.tensor([0.6, 0, 0, 0.8])
    expected = torch.nn.functional.normalize(z * 0.5 + attributes.mean, dim=1)
    assert torch.allclose(classifier_step(attributes, z_id_rep, "Blond_Hair", 0.25), expected, atol=1e-6)


def test_unknown_attribute_names_the_nearest(attributes):
    with pytest.raises(UsageError) as error:
        attributes.index("Blonde_Hair")
    assert "Did you mean Blond_Hair?" in error.value.hint


@pytest.mark.parametrize("text", ["Young=abc", "Young=nan", "Young=1e9"])
def test_bad_strength_is_a_usage_error(text):
    with pytest.raises(UsageError):
        AttributeEdit.parse(text)


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), -float("inf"), 10.1, -1000])
def test_strengths_are_numbers_within_the_range(strength):
    with pytest.raises(UsageError, match="of Young is out of range") as error:
        check_strength(strength, "Young")
    assert "within +-10" in error.value.hint
    check_strength(10, "Young")
    check_strength(-10, "Young")


def test_names_are_the_models_own(attributes):
    found = known_edits(attributes, [AttributeEdit("blond_hair", 0.5), AttributeEdit("EYEGLASSES", -1)])
    assert found == (AttributeEdit("Blond_Hair", 0.5), AttributeEdit("Eyeglasses", -1))
    with pytest.raises(UsageError, match="unknown attribute 'Wings'"):
        known_edits(attributes, [AttributeEdit("Wings")])


def test_strengths_of_a_name_that_is_repeated_add_up():
    edits = [AttributeEdit("Young", 1), AttributeEdit("Male", -1), AttributeEdit("Young", -0.5)]
    assert merged(edits) == (AttributeEdit("Young", 0.5), AttributeEdit("Male", -1))
    assert merged([AttributeEdit("Male", 0)] * 2) == (AttributeEdit("Male", 0),)
    assert merged([]) == ()
    with pytest.raises(UsageError, match="strength 12 of Male is out of range"):
        merged([AttributeEdit("Male", 6)] * 2)


@pytest.mark.parametrize("strengths", [(1, -1), (0.1, 0.2, -0.3), (-2, 0, 2)])
def test_strengths_that_cancel_out_contradict_each_other(strengths):
    with pytest.raises(UsageError, match="cancel each other out") as error:
        merged([AttributeEdit("Male", strength) for strength in strengths])
    assert f"Male={strengths[0]:g} and " in error.value.message and error.value.hint


def test_parse():
    assert AttributeEdit.parse("No_Beard=-1") == AttributeEdit("No_Beard", -1.0)
    assert AttributeEdit.parse("Smiling") == AttributeEdit("Smiling", 1.0)


def test_regions():
    assert region_of(["Blond_Hair", "Wavy_Hair"]) == "hair"
    assert region_of(["Blond_Hair", "Eyeglasses"]) == "eye_area"
    assert region_of(["Smiling", "Eyeglasses"]) == "head"
    assert dyed(["Young"]) and region_of(["Young"]) == "head"
    assert dyed(["Blond_Hair"]) and dyed(["Blond_Hair", "Eyeglasses"])
    assert not dyed(["Blond_Hair", "Wavy_Hair"]) and not dyed(["Eyeglasses"]) and not dyed([])
    assert region_of([""]) == "head"


def test_what_becomes_of_hair():
    assert turning({"Gray_Hair": 1}) == turning({"Young": -2}) == {"gray": 1}
    assert turning({"Gray_Hair": 0.5, "Young": -1}) == {"gray": 0.5}
    assert turning({"Young": 1, "Smiling": 1}) == {"young": 1}
    assert turning({"Young": 1, "Black_Hair": 0.7}) == {"black": 0.7}
    assert turning({"Red_Hair": 1.5}) == {"red": 0.5} and turning({"Red_Hair": 3}) == {"red": 0}
    for other in ({"Blond_Hair": 1, "Red_Hair": 1}, {"Blond_Hair": -1}, {"Smiling": 1}, {}):
        assert turning(other) == {}


def test_what_is_put_on_a_face():
    assert added({"No_Beard": -1}) == added({"No_Beard": -1, "Black_Hair": 1}) == ["whiskers"]
    assert added({"Mustache": 0.5}) == ["whiskers"]
    assert added({"Eyeglasses": 1, "No_Beard": -1}) == ["glasses", "whiskers"]
    for other in ({"No_Beard": 1}, {"Mustache": -1}, {"Eyeglasses": -1}, {"Black_Hair": 1}, {}):
        assert added(other) == []
    assert added({"No_Beard": -1, "Smiling": 1}) == added({"No_Beard": -1, "": 1}) == ["whiskers"]


def test_what_nobody_knows_how_to_draw_is_not_put_on():
    asked = {"Long_Hair": 1, "Eyeglasses": 0.5}
    assert added(asked) == ["glasses", "locks"] and added({"Long_Hair": -1}) == []
    assert adding(asked) == asked and adding(asked, ["locks"]) == {"Eyeglasses": 0.5}


def test_codes_without_unit_norm_keep_their_length_after_an_edit():
    free = AttributeModel(("Blond_Hair",), 4, unit_norm=False)
    free.std.fill_(2.0)
    z = torch.full((3, 4), 5.0)
    moved = apply_shift(free, z, torch.tensor([1.0, 0, 0, 0]))
    assert torch.equal(moved[:, 0], torch.full((3,), 7.0))
    assert torch.equal(moved[:, 1:], z[:, 1:])


def test_the_zero_shift_of_a_search_has_a_gradient(attributes):
    z_id_rep = torch.nn.functional.normalize(torch.randn(1, len(attributes.mean)), dim=1)
    shift = torch.zeros_like(attributes.mean, requires_grad=True)
    apply_shift(attributes, z_id_rep, shift).sum().backward()
    assert shift.grad.abs().max() > 0
