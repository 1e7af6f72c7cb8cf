"""Sentences to token numbers: BERT's WordPiece, lower case and without accents."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np

LONGEST = 256
_LONGEST_WORD = 100


class WordPiece:
    def __init__(self, vocabulary: Path) -> None:
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        self._numbers = {word: number for number, word in enumerate(words)}
        self._first, self._last = self._numbers["[CLS]"], self._numbers["[SEP]"]
        self._unknown = self._numbers["[UNK]"]

    def __call__(self, sentences: list[str]) -> dict[str, np.ndarray]:
        """The encoder's inputs: numbers padded with zeros, and which of them are tokens."""
        numbers = [self._sentence(sentence) for sentence in sentences]
        ids = np.zeros((len(numbers), max(map(len, numbers))), np.int64)
        for row, found in zip(ids, numbers, strict=True):
            row[: len(found)] = found
        lengths = np.array([len(found) for found in numbers])
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}

    def _sentence(self, sentence: str) -> list[int]:
        pieces = [piece for word in words(sentence) for piece in self._pieces(word)]
        return [self._first, *pieces[: LONGEST - 2], self._last]

    def _pieces(self, word: str) -> list[int]:
        """The longest known beginning, again and again; one unknown where there is none."""
        if len(word) > _LONGEST_WORD:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            found.append(number)
            start = end
        return found


def words(sentence: str) -> list[str]:
    """Words, and each sign as a word of its own."""
    plain = unicodedata.normalize("NFD", sentence.lower())
    spread = (_spread(sign) for sign in plain if unicodedata.category(sign) != "Mn")
    return "".join(spread).split()


def _spread(sign: str) -> str:
    category = unicodedata.category(sign)
    if sign.isspace():
        return " "
    if category in ("Cc", "Cf") or sign == "\ufffd":
        return ""
    is_ideograph = "\u3400" <= sign <= "\u9fff" or "\uf900" <= sign <= "\ufaff"
    is_ascii_sign = sign.isascii() and not sign.isalnum()
    if category.startswith("P") or is_ascii_sign or is_ideograph:
        return f" {sign} "
    return sign
