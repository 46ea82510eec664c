from dvaedit.face.regions import CLASSES, PASTE_FACE, REGION_ROWS, REGIONS, TRAINING_FACE, ids, union


def test_ids_are_celebamask_hq():
    assert len(CLASSES) == 19
    assert ids("skin", "eye_g", "nose", "neck", "hair", "hat") == {1, 6, 10, 14, 17, 18}


def test_the_papers_masks():
    assert set(range(19)) - TRAINING_FACE == {0, 16, 18}
    assert set(range(19)) - PASTE_FACE == {0, 16, 18, 7, 8, 14, 17}


def test_regions():
    assert all(0 not in members and members <= set(range(19)) for members in REGIONS.values())
    assert union("mouth", "hair") == {11, 12, 13, 17}
    assert REGIONS["head"] >= union("face", "hair", "neck", "ears")
    assert set(REGION_ROWS) <= set(REGIONS)
