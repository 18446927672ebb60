"""uvicorn's WebSocket protocol, with an end for clients that do not read, and for those who did not wait."""

from asyncio import CancelledError, Task, TimerHandle, current_task
from functools import partial

from django.conf import settings
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

TOO_SLOW = 4408
TOO_BIG = 1009

# How long after its last word a client that does not answer is cut off. A client that has taken nothing
# for STALL_SECONDS (20), or has not answered a ping for 20 s, is told to go: so it is gone within a minute.
GRACE_SECONDS = 15.0
# Pieces in one message. The limit of bytes does not count empty ones.
MOST_PIECES = 1000


class Protocol(WebSocketsSansIOProtocol):
    """Closes with 4408 where uvicorn would wait for ever (a full buffer) or say 1011 (no pong).

    Who leaves before they were let in is not worked for any more. Else, when thousands come at once,
    those who lost patience and came again would wait behind their own earlier attempts, for ever.
    """

    _stalled: TimerHandle | None = None
    _running: Task[None] | None = None

    async def run_asgi(self) -> None:
        self._running = current_task()
        self.app = partial(self._while_they_wait, self.app)
        await super().run_asgi()

    async def _while_they_wait(
        self, app: ASGI3Application, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        try:
            await app(scope, receive, send)
        except CancelledError:
            if not self.disconnected:
                raise
            raise ClientDisconnected from None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._forget_stall()
        self._stalled = self.loop.call_later(settings.STALL_SECONDS, self.give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_stall()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_stall()
        waited = not self.handshake_complete
        super().connection_lost(exc)
        if self._running and waited:
            self._running.cancel()

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

    async def send(self, message: ASGISendEvent) -> None:
        """uvicorn's, but what comes after a close is no error, and a close is not waited for for ever."""
        await self.writable.wait()
        # A line that broke is told of in a moment; until then uvicorn would take what comes for a mistake.
        if self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.close":
            self.loop.call_later(GRACE_SECONDS, self.transport.abort)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_PIECES:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(TOO_BIG, "too many pieces")
            self.handle_parser_exception()

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
