"""Answers that are the same for all who ask within some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
Question = TypeVar("Question", bound=Hashable)


class Kept(Generic[Answer]):
    """The last answer of `ask`, which is asked anew when it is `seconds` old; by one at a time,
    while the others wait for it. What `ask` raises is raised, and not kept."""

    def __init__(self, ask: Callable[[], Answer], seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._until = 0.0

    def __call__(self) -> Answer:
        with self._lock:
            if self._answer is None or time.monotonic() >= self._until:
                self._answer = self._ask()
                self._until = time.monotonic() + self._seconds
            return self._answer


class KeptEach(Generic[Question, Answer]):
    """The same for each of the questions that were asked last, `most` at the most."""

    def __init__(self, ask: Callable[[Question], Answer], seconds: float, most: int = 32) -> None:
        def kept(question: Question) -> Kept[Answer]:
            return Kept(partial(ask, question), seconds)

        self._kept = lru_cache(most)(kept)

    def __call__(self, question: Question) -> Answer:
        return self._kept(question)()
