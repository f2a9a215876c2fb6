"""The look at dead letters: the stream then knows of which nobody was told."""

from datetime import datetime

from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from services.notifier.domain import letters


class LookAtLetters:
    """Tells the stream that it is time to tell of what was seen."""

    kind = letters.LOOK_AT_LETTERS
    recurring = True
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """No call and no read: the stream decides."""
        at = datetime.fromisoformat(task.payload["at"])
        look = letters.LookAtLetters(task.payload["crm_account"], str(task.work_id), at)
        return Done((StreamCommand(task.stream, look, f"letters:{task.work_id}"),), found_something=False)
