"""The face parser's classes (CelebAMask-HQ ids) and the named regions that edits use."""

from __future__ import annotations

CLASSES = (
    "background",
    "skin",
    "l_brow",
    "r_brow",
    "l_eye",
    "r_eye",
    "eye_g",
    "l_ear",
    "r_ear",
    "ear_r",
    "nose",
    "mouth",
    "u_lip",
    "l_lip",
    "neck",
    "neck_l",
    "cloth",
    "hair",
    "hat",
)

CLASS_ID = {name: number for number, name in enumerate(CLASSES)}


def ids(*names: str) -> frozenset[int]:
    """The ids of classes, by name."""
    return frozenset(CLASS_ID[name] for name in names)


# The two masks of the paper's released code: its training loss, and its paste-back.
TRAINING_FACE = frozenset(range(1, 16)) | ids("hair")
PASTE_FACE = TRAINING_FACE - ids("l_ear", "r_ear", "neck", "hair")

REGIONS: dict[str, frozenset[int]] = {
    "face_skin": ids("skin", "nose"),
    "hair": ids("hair"),
    "eyes": ids("l_eye", "r_eye", "eye_g"),  # behind glasses the parser sees only the glasses
    "brows": ids("l_brow", "r_brow"),
    "nose": ids("nose"),
    "mouth": ids("mouth", "u_lip", "l_lip"),
    "glasses": ids("eye_g"),
    "ears": ids("l_ear", "r_ear", "ear_r"),
    "neck": ids("neck", "neck_l"),
    "hat": ids("hat"),
    "lower_face": ids("skin", "mouth", "u_lip", "l_lip"),
    "eye_area": ids("skin", "nose", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear"),
    "face": PASTE_FACE - ids("neck_l", "ear_r"),
    "head": TRAINING_FACE,
}

# Rows, as shares of the crop's height, of regions that classes alone cannot bound (beard and glasses lie on skin).
# The alignment rule puts the eyes near 0.47 and the mouth near 0.75; below the nose begins at about 0.6.
REGION_ROWS = {"lower_face": (0.58, 1.0), "eye_area": (0.32, 0.64)}


def union(*names: str) -> frozenset[int]:
    """Class ids of several named regions together."""
    return frozenset().union(*(REGIONS[name] for name in names))
