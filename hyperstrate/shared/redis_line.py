"""One connection of a whole process to Redis: what is asked at the same time travels together.

One command alone costs a process more than ten that are written and read at once. Whoever asks
while others are under way waits for them, and then goes with all who wait.
"""

from __future__ import annotations

import hashlib
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Any, TypeAlias

from redis import ConnectionError as RedisConnectionError
from redis import RedisError, ResponseError
from redis import TimeoutError as RedisTimeoutError

Command: TypeAlias = Sequence[Any]
# What nobody waits for leaves within this time, or with the next that somebody waits for.
SOON_S = 0.002
MOST_AT_ONCE = 100
# How long the answers of an exchange that did not come in time are listened for once more.
AGAIN_S = 0.45
# Whose turn it would be may have been killed.
LOOK_AGAIN_S = 0.05
_NOTHING = object()


class Unanswered(RedisError):
    """What a command came to that has no answer; its exchange ``began`` then (monotonic)."""

    def __init__(self, cause: Exception, began: float) -> None:
        super().__init__(str(cause))
        self.began = began


class Script:
    """A script that Redis keeps."""

    def __init__(self, line: RedisLine, text: str) -> None:
        self._line = line
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], arguments: Sequence[Any]) -> Command:
        return ("EVALSHA", self._sha, len(keys), *keys, *arguments)

    def __call__(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What it answers. Raises RedisError."""
        return self._line.ask(self.command(keys, arguments))[0]


class _Asked:
    """A command on its way. Who does not wait may have ``heard`` called with its answer.

    ``go_on``: who waits for the answer has it, or may take the turn.
    """

    __slots__ = ("answer", "began", "command", "go_on", "heard")

    def __init__(self, command: Command, heard: Callable[[Any], None] | None = None) -> None:
        self.command = command
        self.answer: Any = _NOTHING
        self.began = 0.0
        self.heard = heard
        self.go_on: Event | None = None


class RedisLine:
    """``connect`` makes its connection."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._turn = Lock()
        self._waiting: deque[_Asked] = deque()
        self._is_leaving = False
        self._again_until = 0.0
        self._scripts: list[str] = []
        self._unloaded: list[str] = []

    def script(self, text: str) -> Script:
        self._scripts.append(text)
        self._unloaded.append(text)
        return Script(self, text)

    def ask(self, *commands: Command) -> list[Any]:
        """The answers to ``commands``. Raises Unanswered."""
        asked = [_Asked(command) for command in commands]
        if asked:
            self._wait_for(asked)
        for one in asked:
            if isinstance(one.answer, Exception):
                raise Unanswered(one.answer, one.began) from one.answer
        return [one.answer for one in asked]

    def _wait_for(self, asked: Sequence[_Asked]) -> None:
        """Who has the answer goes on at once; of those who have not, one takes the turn."""
        last, go_on = asked[-1], Event()
        last.go_on = go_on
        self._waiting.extend(asked)
        while last.answer is _NOTHING:
            if self._turn.acquire(blocking=False):
                self._take_turn()
            else:
                go_on.wait(LOOK_AGAIN_S)
            go_on.clear()

    def _take_turn(self) -> None:
        """Send what waits now, once; then whoever waits longest has the turn."""
        try:
            self._exchange()
        finally:
            self._turn.release()
            for one in tuple(self._waiting):
                if one.go_on is not None:
                    one.go_on.set()
                    break

    def tell(self, command: Command, heard: Callable[[Any], None] | None = None) -> None:
        """Nobody waits for the answer. ``heard`` gets it, or the error."""
        self._waiting.append(_Asked(command, heard))
        if not self._is_leaving:
            self._is_leaving = True
            start_new_thread(self._leave_soon, ())

    def _leave_soon(self) -> None:
        time.sleep(SOON_S)
        self._is_leaving = False
        for _ in range(0, len(self._waiting), MOST_AT_ONCE):
            self._turn.acquire()
            self._take_turn()

    def _exchange(self) -> None:
        """Send what waits and hear the answers, for all."""
        unloaded, self._unloaded = self._unloaded, []
        batch = [_Asked(("SCRIPT", "LOAD", text)) for text in unloaded]
        batch += [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        if not batch:
            return
        lost: Exception = RedisConnectionError("the exchange was cut short")
        began = time.monotonic()
        try:
            self._send_and_hear(batch)
        except RedisError as error:
            lost = error
        finally:
            self._hand_out(batch, lost, began)

    def _send_and_hear(self, batch: Sequence[_Asked]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        connection.send_packed_command(connection.pack_commands([one.command for one in batch]))
        self._again_until = 0.0
        try:
            for one in batch:
                one.answer = self._hear(connection)
        except BaseException:
            connection.disconnect()  # what is still to come would answer other commands
            raise

    def _hear(self, connection: Any) -> Any:
        """One answer, listened for twice: where all stood still, Redis had no time to give it.

        Who does without falls back to what is known here, so a moment longer is well spent.
        """
        try:
            try:
                return connection.read_response(disconnect_on_error=False)
            except RedisTimeoutError:
                return connection.read_response(disconnect_on_error=False, timeout=self._left())
        except ResponseError as error:
            return error

    def _left(self) -> float:
        """Seconds that are left to listen once more, for all answers of the exchange together."""
        now = time.monotonic()
        self._again_until = self._again_until or now + AGAIN_S
        return max(0.001, self._again_until - now)

    def _hand_out(self, batch: Sequence[_Asked], lost: Exception, began: float) -> None:
        """A Redis that failed may be another one when it is back: it is given the scripts again."""
        for one in batch:
            if one.answer is _NOTHING:
                one.answer = lost
            if isinstance(one.answer, Exception):
                self._unloaded = list(self._scripts)
            one.began = began
            if one.heard is not None:
                one.heard(one.answer)
            if one.go_on is not None:
                one.go_on.set()
