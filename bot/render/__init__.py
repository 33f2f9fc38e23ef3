"""Pure renderings of a task: events and `TaskState` in, text or bytes out."""
