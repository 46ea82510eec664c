"""The words of the compact image-text model: what can be said of a face, and how.

Every :class:`Concept` is one claim about a face with the wordings the model is trained on, sorted by their place in a
sentence. The trainer composes captions from this table; at run time the same table tells which words of a prompt the
model has met. It holds no labels: :mod:`dvaedit.training.captions` says of which faces a concept is true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One claim. At most one concept of a ``group`` stands in a caption.

    ``noun``: the person ("old man"); ``adjective``: before the person ("bearded"); ``having``: after "with" or alone
    ("blond hair"); ``doing``: after "is" ("smiling"); ``command``: a whole request, {their} and {them} are pronouns.
    """

    name: str
    group: str
    noun: tuple[str, ...] = ()
    adjective: tuple[str, ...] = ()
    having: tuple[str, ...] = ()
    doing: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _concept(name: str, group: str, **wordings: str) -> Concept:
    return Concept(name, group, **{role: _split(text) for role, text in wordings.items()})


def _hair_colour(name: str, colours: str, *, adjective: str = "", having: str = "", noun: str = "") -> Concept:
    """A hair colour: each word of ``colours`` in all the ways a colour of hair is said."""
    shades = _split(colours)
    compounds = tuple(f"{shade}-haired" for shade in shades) + tuple(f"{shade} haired" for shade in shades)
    phrases = tuple(f"{shade} hair" for shade in shades) * 2 + tuple(f"{shade} coloured hair" for shade in shades[:2])
    bare = tuple(f"hair that is {shade}" for shade in shades[:2])
    dye = ("make {their} hair {c}", "turn {their} hair {c}", "dye {their} hair {c}", "change the hair to {c}")
    commands = tuple(form.replace("{c}", shade) for form in dye for shade in shades)
    return Concept(name, "hair_colour", _split(noun), compounds + _split(adjective), phrases + bare + _split(having),
                   (), commands)  # fmt: skip


CONCEPTS: tuple[Concept, ...] = (
    _hair_colour("black_hair", "black, jet black, raven, raven black, ebony, pitch black, very dark"),
    _hair_colour("brown_hair", "brown, brunette, chestnut, light brown, dark brown, chocolate brown, brunet",
                 adjective="brunette", noun="brunette"),
    _hair_colour("blond_hair", "blond, blonde, golden, fair, light blond, light blonde, platinum blonde, dark blonde, "
                 "flaxen, yellow, gold, platinum blond, sandy, honey blonde", adjective="blond, blonde",
                 noun="blonde", having="blond locks, a blonde head, blonder hair"),
    _hair_colour("red_hair", "red, ginger, auburn, copper, orange, reddish, coppery, strawberry red, fiery red",
                 adjective="ginger, redheaded, red-headed", noun="redhead, ginger"),
    _hair_colour("gray_hair", "gray, grey, silver, white, silvery, salt and pepper, graying, greying, grayish, "
                 "snow white", adjective="gray-headed, grey-headed, white-headed", having="gray in the hair"),
    _hair_colour("dyed_hair", "dyed, colorful, colourful, brightly dyed, bright, vivid, unnatural, neon, rainbow",
                 having="brightly coloured hair, brightly colored hair, hair dye, a wild hair color"),
    _hair_colour("dark_hair", "dark, darker, deep dark"),
    _concept("not_blond", "hair_colour", having="no blond hair, hair that is not blond", doing="not blonde, not blond"),
    _concept("bald", "hair_colour", adjective="bald, hairless, bald-headed, completely bald, shaven-headed",
             having="no hair, a bald head, a shaved head, a shaven head, no hair at all, baldness",
             doing="bald, hairless, without hair, without any hair",
             command="make {them} bald, shave {their} head, remove the hair, remove all hair"),
    _concept("not_bald", "hair_colour", having="hair, hair on the head, a full head of hair, some hair",
             doing="not bald", command="give {them} hair, add hair, grow hair"),
    _concept("long_hair", "hair_length", adjective="long-haired, long haired",
             having="long hair, longer hair, very long hair, shoulder length hair, hair down to the shoulders",
             command="make {their} hair longer, make {their} hair long, grow {their} hair long, grow long hair"),
    _concept("short_hair", "hair_length", adjective="short-haired, short haired",
             having="short hair, shorter hair, very short hair, a short haircut, a crew cut, cropped hair, "
             "close-cropped hair", command="cut {their} hair short, make {their} hair shorter, cut the hair, "
             "make {their} hair short"),
    _concept("wavy_hair", "hair_texture", adjective="curly-haired, wavy-haired, curly haired",
             having="wavy hair, curly hair, curls, waves, frizzy hair, curled hair, a perm, ringlets, afro hair, "
             "an afro, curlier hair, wavier hair", command="curl {their} hair, make {their} hair curly, "
             "make {their} hair wavy"),
    _concept("straight_hair", "hair_texture", adjective="straight-haired, straight haired",
             having="straight hair, sleek hair, smooth hair, straightened hair, sleek straight hair, no curls",
             command="straighten {their} hair, make {their} hair straight"),
    _concept("eyeglasses", "glasses", adjective="bespectacled, spectacled",
             having="glasses, eyeglasses, spectacles, specs, reading glasses, a pair of glasses, eye glasses, "
             "eyewear, round glasses, glasses on, thick glasses, glasses, eyeglasses",
             doing="wearing glasses, wearing eyeglasses, wearing spectacles, wearing specs, in glasses",
             command="put glasses on {them}, put on glasses, make {them} wear glasses, add glasses"),
    _concept("sunglasses", "glasses",
             having="sunglasses, shades, dark glasses, sun glasses, a pair of sunglasses, tinted glasses, black shades",
             doing="wearing sunglasses, wearing shades, wearing dark glasses, in sunglasses",
             command="put sunglasses on {them}, put on shades, make {them} wear sunglasses"),
    _concept("no_glasses", "glasses", having="no glasses, no eyeglasses, no spectacles, bare eyes, no specs",
             doing="without glasses, not wearing glasses, without eyeglasses, without spectacles, "
             "not wearing eyeglasses",
             command="remove the glasses, take off the glasses, remove {their} glasses, remove glasses, "
             "take {their} glasses off"),
    _concept("no_sunglasses", "glasses", having="no sunglasses, no shades", doing="without sunglasses, "
             "not wearing sunglasses, without shades", command="take off the sunglasses, remove the sunglasses"),
    _concept("beard", "facial_hair", adjective="bearded, fully bearded, heavily bearded, unshaven, hairy",
             having="a beard, beard, a full beard, facial hair, a long beard, a bushy beard, a thick beard, whiskers, "
             "a goatee, goatee, full beard, a big beard, a short beard, a trimmed beard",
             doing="wearing a beard, growing a beard, bearded, unshaven",
             command="grow a beard, give {them} a beard, add a beard, let {them} grow a beard"),
    _concept("moustache", "facial_hair", adjective="moustached, mustached, mustachioed",
             having="a moustache, a mustache, mustache, moustache, a thick moustache, a handlebar moustache, "
             "a thin mustache, a tache", doing="wearing a moustache, wearing a mustache",
             command="grow a moustache, give {them} a mustache, add a moustache, add a mustache"),
    _concept("stubble", "facial_hair", adjective="stubbly, stubbled, scruffy",
             having="stubble, a stubble, light stubble, designer stubble, five o'clock shadow, "
             "a five o'clock shadow, a stubbly chin, a light beard, facial stubble",
             command="give {them} stubble, add stubble, add some stubble"),
    _concept("no_beard", "facial_hair", adjective="beardless, clean-shaven, clean shaven, shaven",
             having="no beard, no facial hair, no moustache, no mustache, a smooth chin, a shaved face, no whiskers, "
             "no goatee",
             doing="without a beard, without facial hair, without beard, without a moustache, clean-shaven, "
             "clean shaven, without a mustache, beardless",
             command="remove the beard, shave the beard, shave {them}, remove the facial hair, remove {their} beard, "
             "shave off {their} beard, remove the moustache"),
    _concept("smiling", "smile", adjective="smiling, happy, cheerful, joyful, smiley, pleased",
             having="a smile, smile, a happy expression, a happy face, a friendly smile, a smiling face, happiness",
             doing="smiling, happy, looking happy, cheerful, showing a smile",
             command="make {them} smile, make {them} happy, add a smile, let {them} smile, smile, make {them} smiling"),
    _concept("broad_smile", "smile", adjective="grinning, laughing, beaming, broadly smiling, very happy",
             having="a big smile, a broad smile, a wide smile, a grin, a toothy smile, teeth showing, visible teeth, "
             "a wide grin, a laugh, a huge smile, white teeth",
             doing="grinning, laughing, beaming, smiling broadly, smiling widely, showing teeth, very happy",
             command="make {them} laugh, make {them} grin, give {them} a big smile, make {them} smile more"),
    _concept("slight_smile", "smile", adjective="slightly smiling, gently smiling",
             having="a slight smile, a faint smile, a gentle smile, a small smile, a subtle smile, a closed smile",
             doing="smiling slightly, smiling gently, smiling faintly, smiling a little",
             command="make {them} smile slightly, make {them} smile a little"),
    _concept("not_smiling", "smile", adjective="serious, unsmiling, stern, solemn, expressionless",
             having="no smile, a serious expression, a neutral expression, a stern look, a serious face, "
             "a straight face, a neutral face",
             doing="not smiling, serious, looking serious, unsmiling, without a smile, not happy",
             command="make {them} serious, make {them} stop smiling, remove the smile, stop smiling"),
    _concept("mouth_open", "mouth", adjective="open-mouthed",
             having="an open mouth, mouth open, the mouth open, a slightly open mouth, parted lips, open lips, "
             "mouth slightly open", doing="opening the mouth, speaking, talking, open-mouthed",
             command="open {their} mouth, open the mouth, make {them} talk"),
    _concept("mouth_closed", "mouth", adjective="closed-mouthed, silent",
             having="a closed mouth, mouth closed, the mouth closed, the mouth shut, closed lips, a shut mouth, "
             "no open mouth", doing="closing the mouth, not speaking, silent, not talking",
             command="close {their} mouth, close the mouth, shut {their} mouth"),
    _concept("male", "sex", noun="man, man, man, guy, gentleman, male, male person, man's face, male face, fellow, "
             "bloke",
             adjective="male, masculine, manly", having="a male face, masculine features, a masculine face, "
             "manly features", doing="a man, male, masculine",
             command="make {them} a man, turn {them} into a man, make {them} male, make {them} masculine"),
    _concept("female", "sex", noun="woman, woman, woman, lady, female, female person, woman's face, female face",
             adjective="female, feminine, womanly", having="a female face, feminine features, a feminine face, "
             "womanly features", doing="a woman, female, feminine",
             command="make {them} a woman, turn {them} into a woman, make {them} female, make {them} feminine"),
    _concept("boy", "sex", noun="boy, little boy, young boy, schoolboy, male child", doing="a boy, a little boy",
             command="make {them} a boy, turn {them} into a boy"),
    _concept("girl", "sex", noun="girl, little girl, young girl, schoolgirl, female child",
             doing="a girl, a little girl", command="make {them} a girl, turn {them} into a girl"),
    _concept("child", "age", noun="child, kid, little kid, young child, toddler, small child, youngster",
             adjective="very young, childish", having="a child's face, a childlike face, a baby face",
             doing="a child, a kid, a small child", command="make {them} a child, turn {them} into a child"),
    _concept("young", "age", noun="young person, young face, youth, young adult",
             adjective="young, youthful, younger, young looking, youngish",
             having="a young face, youthful skin, smooth skin, no wrinkles, a youthful look, youthful features",
             doing="young, younger, youthful, looking young", command="make {them} young, make {them} younger, "
             "make {them} look young, make {them} look younger"),
    _concept("middle_aged", "age", noun="middle-aged person", adjective="middle-aged, middle aged, mature",
             having="a middle-aged face, a mature face", doing="middle-aged, mature, middle aged",
             command="make {them} middle-aged, make {them} middle aged"),
    _concept("old", "age", noun="old person, elderly person, senior, pensioner, old face, elder, senior citizen",
             adjective="old, elderly, aged, senior, older, very old, wrinkled, ageing, aging",
             having="wrinkles, an old face, wrinkled skin, an aged face, old age, deep wrinkles, an elderly face",
             doing="old, elderly, aged, older, looking old", command="make {them} old, make {them} older, "
             "age {them}, make {them} look old, make {them} look older, add wrinkles"),
    _concept("adult", "age", noun="adult, grown-up, adult person", adjective="adult, grown-up", doing="an adult, adult",
             having="an adult face", command="make {them} an adult"),
    _concept("bangs", "bangs", having="bangs, a fringe, fringe, hair over the forehead, a full fringe, blunt bangs",
             doing="wearing bangs", command="give {them} bangs, add bangs, add a fringe, cut bangs"),
    _concept("no_bangs", "bangs", having="no bangs, no fringe, a bare forehead, a free forehead, hair swept back",
             doing="without bangs, without a fringe", command="remove the bangs, remove the fringe"),
    _concept("receding", "hairline", adjective="balding", having="a receding hairline, receding hairline, "
             "thinning hair, receding hair, thin hair, a high hairline, a high forehead",
             doing="balding, going bald, losing hair", command="make {them} balding"),
    _concept("hat", "hat", having="a hat, hat, a cap, cap, headwear, a beanie, a baseball cap, a woolly hat, "
             "a headscarf, a hood, a helmet, a headdress, a hat on, headgear, a turban, a cowboy hat",
             doing="wearing a hat, wearing a cap, in a hat, wearing headwear, wearing a beanie, wearing a headscarf",
             command="put a hat on {them}, add a hat, put on a hat, make {them} wear a hat, add a cap"),
    _concept("no_hat", "hat", adjective="bareheaded, hatless", having="no hat, no cap, no headwear, a bare head",
             doing="without a hat, not wearing a hat, without a cap, without headwear, bareheaded",
             command="remove the hat, take off the hat, remove {their} hat, remove the cap"),
    _concept("makeup", "makeup", adjective="made-up", having="makeup, make-up, lipstick, heavy makeup, red lipstick, "
             "eye shadow, eyeliner, mascara, cosmetics, red lips, eyeshadow, heavy make up",
             doing="wearing makeup, wearing lipstick, wearing heavy makeup, wearing make-up, wearing mascara",
             command="put makeup on {them}, add lipstick, put on lipstick, apply makeup, add makeup"),
    _concept("no_makeup", "makeup", having="no makeup, no lipstick, no make-up, natural lips, bare skin",
             doing="without makeup, not wearing makeup, without lipstick, not wearing lipstick",
             command="remove the makeup, take off the makeup, remove the lipstick"),
    _concept("rosy", "cheeks", adjective="rosy-cheeked, freckled, freckly, blushing",
             having="rosy cheeks, freckles, red cheeks, a freckled face, blush, flushed cheeks",
             doing="blushing", command="add freckles, make {them} blush, make {their} cheeks rosy"),
    _concept("eyes_closed", "eyes", having="closed eyes, eyes closed, eyes shut, shut eyes, the eyes closed",
             doing="closing the eyes, sleeping, asleep", command="close {their} eyes, shut the eyes"),
    _concept("eyes_open", "eyes", having="open eyes, eyes open, the eyes open", doing="awake, opening the eyes",
             command="open {their} eyes, open the eyes"),
    _concept("side_view", "pose", having="the head turned, a turned head, the head turned to the side, a side view",
             doing="looking to the side, looking away, turned to the side, seen from the side, in profile",
             command="turn {their} head, look away, turn the head"),
    _concept("front_view", "pose", having="a frontal view, a front view, the face to the camera",
             doing="facing the camera, looking at the camera, looking straight, seen from the front, facing forward",
             command="face the camera, look at the camera"),
)  # fmt: skip
INDEX: dict[str, int] = {concept.name: index for index, concept in enumerate(CONCEPTS)}

# Subjects that claim nothing. Pronouns claim nothing either: "make her hair blond" must not make a man a woman.
SUBJECTS = _split("face, face, face, face, person, person, human face, head, portrait, human, someone, somebody, "
                  "people, head shot, human being, facial portrait, model, individual, subject, speaker, "
                  "actor")  # fmt: skip
PRONOUNS = (("she", "her", "her"), ("he", "his", "him"), ("they", "their", "them"), ("it", "the", "the face"),
            ("the person", "the person's", "the person"), ("this person", "the", "this person"))  # fmt: skip
JOINS = (" and ", ", ", " and ", ", ", " with ", " plus ")
PHOTO_FRAMES = ("a photo of {}", "photo of {}", "a picture of {}", "an image of {}", "a portrait of {}",
                "portrait of {}", "a close-up of {}", "closeup of {}", "a headshot of {}", "a photograph of {}",
                "a selfie of {}", "a video of {}", "a studio portrait of {}", "this is {}", "it is {}", "there is {}",
                "a frame showing {}", "a webcam image of {}", "the face of {}", "{} in a video", "{}, studio light",
                "{}, high quality", "a realistic {}", "a photo showing {}", "I want {}", "show {}")  # fmt: skip
SENTENCES = ("{she} has {having}", "{she} is someone with {having}", "someone with {having}", "somebody with {having}",
             "{she} shows {having}", "a face showing {having}", "there is {having}", "{she} now has {having}",
             "the face has {having}", "a face that has {having}", "{she} got {having}")  # fmt: skip
COMMANDS = ("give {them} {having}", "add {having}", "put {having} on {them}", "make {them} have {having}",
            "change it to {having}", "edit: {having}", "{having} please", "i want {having}",
            "with {having}", "let {them} have {having}", "turn this into a face with {having}")  # fmt: skip

# Words that carry no claim about the face: never warned about.
_FILLERS = _split(
    "a, an, the, of, with, and, or, in, on, to, at, is, are, be, being, it, its, this, that, very, more, less, bit, "
    "lot, much, some, any, who, whose, has, have, having, make, makes, made, give, put, turn, change, changed, into, "
    "edit, please, let, want, now, there, by, for, from, as, like, my, your, one, just, so, too, really, quite, "
    "somewhat, clearly, i, we, you, also, but, as, get, getting, look, looks, looking, seem, seems, appear, appears"
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def words_of(text: str) -> list[str]:
    """The lower-case words of ``text`` in order: runs of letters; hyphens part words."""
    return _WORD.findall(text.lower())


def _filler_words() -> frozenset[str]:
    frames = (*PHOTO_FRAMES, *SENTENCES, *COMMANDS, *SUBJECTS, *JOINS, *(word for row in PRONOUNS for word in row))
    return frozenset(word for text in (*_FILLERS, *frames) for word in words_of(re.sub(r"\{\w*\}", " ", text)))


def _content_words() -> frozenset[str]:
    wordings = (text for c in CONCEPTS for text in (*c.noun, *c.adjective, *c.having, *c.doing, *c.command))
    return frozenset(word for text in wordings for word in words_of(re.sub(r"\{\w*\}", " ", text)))


FILLER_WORDS: frozenset[str] = _filler_words()
CONTENT_WORDS: frozenset[str] = _content_words() - FILLER_WORDS


def known_words(text: str) -> tuple[list[str], list[str]]:
    """The words of ``text`` that say something of a face the model was trained on, and those it never met.

    Articles, pronouns and the like are in neither list; each word is named once, in order.
    """
    words = list(dict.fromkeys(words_of(text)))
    known = [word for word in words if word in CONTENT_WORDS]
    return known, [word for word in words if word not in CONTENT_WORDS and word not in FILLER_WORDS]


def familiarity(text: str) -> float:
    """Share, in [0, 1], of the content words of ``text`` that are known; 1 if there are none ("a face")."""
    known, unknown = known_words(text)
    return len(known) / (len(known) + len(unknown)) if known or unknown else 1.0
