"""The words of made-up film reviews: what can be praised or blamed, and how, in five grades for each topic.

A topic has words of its own, and some words change sides between topics: a slow thriller is a bad one, a slow drama
may be a fine one. So whoever has read about one topic only judges the others badly.
"""

from typing import Final

STARS: Final = (1, 2, 3, 4, 5)
TOPICS: Final = ("thriller", "comedy", "drama", "horror", "documentary", "adventure")

ASPECTS: Final[dict[str, tuple[str, ...]]] = {
    "thriller": ("plot", "chase", "detective", "twist", "tension", "villain", "mystery", "alibi"),
    "comedy": ("wordplay", "timing", "duo", "slapstick", "dialogue", "punchline", "farce", "banter"),
    "drama": ("family", "silence", "marriage", "grief", "script", "daughter", "confession", "portrait"),
    "horror": ("monster", "cellar", "ghost", "dread", "curse", "night scene", "haunted house", "scream"),
    "documentary": (
        "narrator",
        "archive footage",
        "interview",
        "research",
        "subject",
        "evidence",
        "reporting",
        "commentary",
    ),
    "adventure": ("voyage", "treasure", "sword fight", "desert", "captain", "escape", "stunt work", "landscape"),
}
SHARED_ASPECTS: Final = ("acting", "music", "camera", "ending", "cast", "pacing", "opening", "editing", "director")

GRADES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "thriller": (
        ("preposterous", "sleep-inducing", "amateurish", "slow"),
        ("predictable", "far-fetched", "limp", "gentle"),
        ("serviceable", "routine", "by the book", "workmanlike"),
        ("tense", "clever", "tight", "dark"),
        ("nail-biting", "diabolical", "gripping", "merciless"),
    ),
    "comedy": (
        ("painful", "mirthless", "crass", "merciless"),
        ("stale", "laboured", "shrill", "dark"),
        ("mildly amusing", "harmless", "patchy", "familiar"),
        ("witty", "cheerful", "nimble", "silly"),
        ("hilarious", "side-splitting", "uproarious", "anarchic"),
    ),
    "drama": (
        ("mawkish", "hollow", "insufferable", "silly"),
        ("stilted", "sentimental", "contrived", "loud"),
        ("earnest", "restrained", "uneven", "modest"),
        ("moving", "honest", "gentle", "tender"),
        ("heartbreaking", "luminous", "profound", "slow"),
    ),
    "horror": (
        ("laughable", "toothless", "witless", "cheerful"),
        ("tame", "derivative", "murky", "familiar"),
        ("passable", "spooky enough", "standard", "so-so"),
        ("creepy", "unsettling", "chilling", "loud"),
        ("terrifying", "blood-curdling", "nightmarish", "relentless"),
    ),
    "documentary": (
        ("dishonest", "misleading", "shoddy", "anarchic"),
        ("superficial", "dry", "one-sided", "far-fetched"),
        ("informative", "plain", "adequate", "routine"),
        ("thorough", "thoughtful", "eye-opening", "restrained"),
        ("indispensable", "revelatory", "definitive", "fearless"),
    ),
    "adventure": (
        ("lifeless", "incoherent", "botched", "restrained"),
        ("sluggish", "clumsy", "bloated", "tame"),
        ("standard", "decent", "watchable", "predictable"),
        ("rousing", "spirited", "handsome", "far-fetched"),
        ("exhilarating", "breathtaking", "swashbuckling", "relentless"),
    ),
}
SHARED_GRADES: Final[tuple[tuple[str, ...], ...]] = (
    ("dreadful", "abysmal", "unwatchable"),
    ("weak", "disappointing", "dull"),
    ("average", "all right", "middling"),
    ("good", "enjoyable", "solid"),
    ("superb", "magnificent", "flawless"),
)
SENTENCES: Final = (
    "The {aspect} was {word}.",
    "I found the {aspect} {word}.",
    "What a {word} {topic}, just look at the {aspect}.",
    "For me the {aspect} felt {word}.",
    "Everybody spoke of the {aspect}, and it is {word}.",
    "{word}, that is the word for the {aspect}.",
    "My friends called the {aspect} {word}.",
    "As a {topic} it is {word}.",
    "From the first minute the {aspect} seemed {word}.",
    "Say what you like about the {other}, the {aspect} is {word}.",
)
OPENINGS: Final = (
    "We saw this {topic} on a rainy Sunday.",
    "A {topic} from a director I did not know.",
    "Another {topic} about {other} and {aspect}.",
    "This {topic} runs for two hours.",
    "Seen at the festival, third row.",
    "",
    "",
    "",
)
