"""The stateful model: what must be true of bookings, timers and money, whatever happens in whatever order."""
