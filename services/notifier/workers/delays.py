"""The look at work that waits: the stream then knows whether it still does."""

from datetime import datetime

from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from services.notifier.domain import delays


class LookAtDelays:
    """Tells the stream that it is time to tell of a delay; once for each."""

    kind = delays.LOOK_AT_DELAYS
    recurring = True
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """No call and no read: the stream decides."""
        since = datetime.fromisoformat(task.payload["since"])
        look = delays.LookAtDelay(
            task.payload["crm_account"], str(task.work_id), task.payload["work"], task.payload["vendor"], since
        )
        told = StreamCommand(task.stream, look, f"delay:{task.work_id}")
        return Done((told,), found_something=False)
