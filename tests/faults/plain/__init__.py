"""What people build instead, as the tutorials have it: one Celery ETA task per booking, `group_send` in it.

The HTTP door, the verbs, the models and the database are ParkMate's own; the clock and the notices are not:
no timer rows, no inbox, no sweeper, no position check. The whole of the other way stands in this package.
"""
