"""uvicorn's WebSocket protocol, with an end for clients that do not read."""

from asyncio import TimerHandle

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

TOO_SLOW = 4408

# A client that has taken nothing for this long is told to go, and this much later cut off. Together with
# uvicorn's ping (every 20 s, answered within 20 s) it is gone within a minute.
STALL_SECONDS = 20.0
GRACE_SECONDS = 15.0


class Protocol(WebSocketsSansIOProtocol):
    """Closes with 4408 where uvicorn would wait for ever (a full buffer) or say 1011 (no pong)."""

    _stalled: TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_SECONDS, self.give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_stall()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_stall()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.give_up()

    def give_up(self) -> None:
        """Say 4408, should the client wake up to read it, and cut the line if it does not."""
        if self.close_sent or self.transport.is_closing():
            self.transport.abort()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW, "reason": None})
        self.conn.send_close(TOO_SLOW, "too slow")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # A `send` that waits for the client must not wait any longer.
        self.disconnected = True
        self.writable.set()
        self.transport.close()
        self.loop.call_later(GRACE_SECONDS, self.transport.abort)

    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 goes to the application as bytes, which it refuses in words."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()

    def _forget_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
