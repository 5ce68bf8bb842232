"""What a word without quotes means: true, false, a decimal number, or itself. Whatever could mislead is refused.

YAML 1.1 reads `no` as false, `22:22` as 1342 and `010` as 8, and YAML 1.2 does not. A file on which two readers
differ is a trap, so such words need quotes here, or another spelling.
"""

import math
import re
from typing import Final, TypeAlias

import yaml

Scalar: TypeAlias = bool | int | float | str
DIGITS_MAX: Final = 18
_INTEGER: Final = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?", re.ASCII)
_ALMOST_A_NUMBER: Final = re.compile(
    r"[-+]?(?:0[oxb][0-9a-f_]+|\.?\d[\d_]*\.?\d*(?:e[-+]?\d+)?)", re.ASCII | re.IGNORECASE
)
_TEXT: Final = "tag:yaml.org,2002:str"
_RESOLVER: Final = yaml.resolver.Resolver()


class Surprising(ValueError):
    """A word that two readers could read in two ways; the argument is the rule."""


def scalar(word: str) -> Scalar:
    """What a word without quotes means."""
    if word in {"true", "false"}:
        return word == "true"
    if _INTEGER.fullmatch(word):
        if len(word) > DIGITS_MAX:
            raise Surprising(f"a number has at most {DIGITS_MAX} digits; if it is a name, put it into quotes")
        return int(word)
    if _DECIMAL.fullmatch(word):
        number = float(word)
        if not math.isfinite(number):
            raise Surprising("it is larger than any number; write a smaller one")
        return number
    if word in {"", "~"} or word.lower() == "null":
        raise Surprising("a key needs a value; leave the key out to take its default")
    meaning = _RESOLVER.resolve(yaml.ScalarNode, word, (True, False))  # type: ignore[no-untyped-call]
    if meaning.endswith(":bool"):
        raise Surprising('some readers take it for true or false; write true, false, or "quotes" for the word')
    if meaning != _TEXT or _ALMOST_A_NUMBER.fullmatch(word):
        raise Surprising('readers differ on what it means; write a plain decimal number, or "quotes" for the text')
    return word
