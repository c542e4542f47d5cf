"""One evaluation: what it may still spend, where its variables are, how deep it is."""

from __future__ import annotations

from typing import Any, Final

from engine.expressions.jsonata.errors import OUT_OF_MEMORY, OUT_OF_TIME, LimitExceeded
from engine.expressions.scope import Scope
from engine.limits import JSONATA_CHARACTERS_MAX, JSONATA_ELEMENTS_MAX

STEPS_MAX: Final = 1_200_000
"""What one evaluation may spend. A step is about half a microsecond here; what the reference library does in a second
on its own engine fits."""
CALL_STEPS: Final = 3
_TURN_QUARTERS: Final = 2
_LONG: Final = 1024
"""Texts below this length cost nothing beyond the step of whatever reads them."""
RETAINED_ELEMENTS_MAX: Final = 4 * JSONATA_ELEMENTS_MAX
RETAINED_CHARACTERS_MAX: Final = 4 * JSONATA_CHARACTERS_MAX


class Run:
    """The budget and surroundings of one evaluation.

    Attributes:
        scope: where `$states` and the variables come from.
        depth: level of the node whose function is being called; a function's body starts one below.
        steps: how many steps are left.
        elements: how many list members may still be made.
        characters: how many characters may still be kept in variables.
    """

    __slots__ = ("characters", "depth", "elements", "scope", "steps")

    def __init__(self, scope: Scope) -> None:
        """Start with full budgets."""
        self.scope = scope
        self.depth = 0
        self.steps = STEPS_MAX
        self.elements = RETAINED_ELEMENTS_MAX
        self.characters = RETAINED_CHARACTERS_MAX

    def step(self, steps: int) -> None:
        """Spend steps.

        Raises:
            LimitExceeded: there are none left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise LimitExceeded(OUT_OF_TIME)

    def turns(self, count: int, nodes: int) -> None:
        """Spend the steps of a loop: a node costs a quarter of a step, a turn of the loop half a step.

        Raises:
            LimitExceeded: there are not enough left.
        """
        self.step(count * (_TURN_QUARTERS + nodes) >> 2)

    def read(self, text: str, characters_per_step: int = 1024) -> None:
        """Spend the steps of looking through a text.

        Raises:
            LimitExceeded: there are not enough left.
        """
        if len(text) > _LONG:
            self.step(len(text) // characters_per_step)

    def hold(self, elements: int) -> None:
        """Account for a list of this many members before or after it is made.

        Raises:
            LimitExceeded: too many at once or in all.
        """
        self.elements -= elements
        if elements > JSONATA_ELEMENTS_MAX or self.elements < 0:
            raise LimitExceeded(OUT_OF_MEMORY)

    def room(self, characters: int) -> None:
        """Account for a text of this length before it is made.

        Raises:
            LimitExceeded: too long, or too much copying.
        """
        if characters > JSONATA_CHARACTERS_MAX:
            raise LimitExceeded(OUT_OF_MEMORY)
        if characters > 1024:
            self.step(characters >> 10)

    def text(self, text: str) -> str:
        """Account for a text that is made already."""
        if len(text) > 1024:
            self.room(len(text))
        return text

    def keep(self, value: Any, share: int = 1) -> None:
        """Account for a text that a variable or a list keeps alive.

        Args:
            value: the text; anything else costs nothing.
            share: the divisor for texts of which most are soon forgotten.

        Raises:
            LimitExceeded: too many characters are kept.
        """
        if value.__class__ is str:
            self.characters -= len(value) // share
            if self.characters < 0:
                raise LimitExceeded(OUT_OF_MEMORY)


class Frame:
    """Variables of a block, a function call or a tuple; lookups go outwards.

    Attributes:
        names: the own variables.
        outer: the surrounding frame, None around the outermost.
        run: the evaluation that the frame belongs to.
    """

    __slots__ = ("names", "outer", "run")

    def __init__(self, names: dict[str, Any], outer: Frame | None, run: Run) -> None:
        """Keep the three."""
        self.names = names
        self.outer = outer
        self.run = run
