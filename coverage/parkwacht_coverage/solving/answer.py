"""What an optimisation answers: the choice, its value, the bound, and how it came about."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parkwacht_coverage.solving.milp import relative_gap_of

OnProgress = Callable[[float, float | None, float], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """What was known after one part of the work: seconds since the start, value and bound."""

    seconds: float
    what: str
    value: float | None
    bound: float


@dataclass(frozen=True, slots=True)
class CoverAnswer:
    """
    The best choice found and what is proven about it.

    `chosen` are column indices, sorted; `bound` is what no choice can pass: a least cost for a set
    cover, a most weight for maximum coverage; `gap` is |value - bound| / |value|; `is_stopped` when
    the caller or Ctrl-C ended the work before the end; `steps` tells the course.
    """

    chosen: tuple[int, ...]
    value: float
    bound: float
    gap: float
    is_proven: bool
    is_stopped: bool
    seconds: float
    steps: tuple[Step, ...]


class Ledger:
    """
    Keep the best choice and bound so far, the time, and who asked to stop.

    Parameters
    ----------
    is_maximising
        Whether more is better.
    grain
        Values are multiples of it, which rounds bounds; 0 when they are not known to be.
    begun_s
        When the work began, on the clock `time.monotonic`.
    time_limit_s
        Seconds from then on.
    on_progress, should_stop
        As in `solve_set_cover`.
    """

    def __init__(
        self,
        *,
        is_maximising: bool,
        grain: float,
        begun_s: float,
        time_limit_s: float,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.sign = -1.0 if is_maximising else 1.0
        self.grain = grain
        self.value: float | None = None
        self.chosen: tuple[int, ...] = ()
        self.bound = -math.inf * self.sign
        self.is_stopped = False
        self._begun = begun_s
        self._ends_at = self._begun + time_limit_s
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._steps: list[Step] = []

    @property
    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self._ends_at - time.monotonic())

    @property
    def is_proven(self) -> bool:
        """Whether no better choice exists."""
        if self.value is None:
            return False
        slack = 1e-9 * max(1.0, abs(self.value))
        return self.sign * (self.value - self.bound) <= slack

    def is_over(self) -> bool:
        """Return whether to end: proven, out of time, or asked to stop."""
        if not self.is_stopped and self._should_stop is not None and self._should_stop():
            self.is_stopped = True
        return self.is_stopped or self.is_proven or self.left_s <= 0

    def offer(self, value: float, chosen: Sequence[int], what: str) -> bool:
        """Take a choice when it is strictly better; return whether it was."""
        slack = 1e-9 * max(1.0, abs(value))
        if self.value is not None and self.sign * (value - self.value) > -slack:
            return False
        self.value, self.chosen = value, tuple(sorted(chosen))
        self.note(what)
        return True

    def raise_bound(self, bound: float, what: str) -> None:
        """Take a bound when it says more, rounded to the grain; one that is disproved is left."""
        if not math.isfinite(bound):
            return
        if self.grain > 0:
            steps = self.sign * bound / self.grain
            bound = self.sign * self.grain * math.ceil(steps - 1e-6)
        if self.value is not None and self.sign * (bound - self.value) > 0:
            if self.sign * (bound - self.value) > 1.5 * max(self.grain, 1e-6 * abs(self.value)):
                return  # the choice at hand disproves it: rounding inside the solver
            bound = self.value
        if self.sign * (bound - self.bound) > 0:
            self.bound = bound
            self.note(what)

    def note(self, what: str) -> None:
        """Write down what is known now, and tell it."""
        self._steps.append(Step(self.seconds, what, self.value, self.bound))
        self.tell()

    def tell(self) -> None:
        """Tell the caller how far it is."""
        if self._on_progress is not None:
            self._on_progress(self.seconds, self.value, self.bound)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    @property
    def next_better(self) -> float:
        """The worst value that would still be better than the best so far."""
        value = self.value if self.value is not None else math.inf * self.sign
        step = self.grain if self.grain > 0 else 1e-9 * max(1.0, abs(value))
        return value - self.sign * step

    def answer(self, to_original: Callable[[Sequence[int]], list[int]], base: float) -> CoverAnswer:
        """
        Return the answer in the caller's columns.

        Parameters
        ----------
        to_original
            Translates chosen columns.
        base
            Value of what was decided before the search, added to value and bounds.
        """
        value = base + (self.value or 0.0)
        bound = value if self.is_proven else base + self.bound
        steps = tuple(
            Step(
                one.seconds, one.what, None if one.value is None else base + one.value,
                base + one.bound,
            )
            for one in self._steps
        )  # fmt: skip
        return CoverAnswer(
            chosen=tuple(to_original(self.chosen)),
            value=value,
            bound=bound,
            gap=relative_gap_of(value, bound),
            is_proven=self.is_proven,
            is_stopped=self.is_stopped,
            seconds=self.seconds,
            steps=steps,
        )
