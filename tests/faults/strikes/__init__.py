"""What is done to a box: each strike is a coroutine that returns when the fault is over."""
