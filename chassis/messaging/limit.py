"""When dying messages mean that the consumer is broken, not the messages: then it stops and lets its topics be."""

from collections import deque
from dataclasses import dataclass, field

DEAD_SHARE_MAX = 0.01
DEAD_IN_A_ROW_MAX = 20
WINDOW_MESSAGES = 2_000


@dataclass(slots=True)
class LetterLimit:
    """Counts the last messages. Messages that only follow a blocked key are neither dead nor alive here."""

    in_a_row: int = 0
    window: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW_MESSAGES))

    def copy(self) -> "LetterLimit":
        """An independent count from here on."""
        return LetterLimit(self.in_a_row, self.window.copy())

    def alive(self, messages: int = 1) -> None:
        """Counts messages that were handled."""
        if messages:
            self.in_a_row = 0
            self.window.extend([False] * min(messages, WINDOW_MESSAGES))

    def dead(self) -> str:
        """Counts a dead message; why the consumer must stop after it, or nothing."""
        self.in_a_row += 1
        self.window.append(True)
        if self.in_a_row >= DEAD_IN_A_ROW_MAX:
            return f"{self.in_a_row} messages in a row could not be handled"
        share = sum(self.window) / WINDOW_MESSAGES
        if share > DEAD_SHARE_MAX:
            return f"{sum(self.window)} of the last {WINDOW_MESSAGES} messages could not be handled"
        return ""
