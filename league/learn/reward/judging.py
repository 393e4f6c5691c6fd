"""Processes that call reward functions: for speed, or because nobody knows who wrote them.

`python -m league.learn.reward.judging NUMBER` is such a process; NUMBER is the file descriptor of its end of
a pipe. What it hears is one message of JSON, which says what to run and what to limit, and then one message
of numbers for every tick. What it says is numbers, or JSON about what went wrong; neither end ever unpickles
anything. It prints nowhere.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection, Pipe
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.cage.enter import enter
from league.cage.limits import Limits
from league.errors import RewardError
from league.learn.reward.calling import FailedCallError, judge
from league.learn.reward.params import COLUMNS, OBJECT, Course, Params
from league.learn.reward.script import Script, told

FloatArray = NDArray[np.float64]

CAGED = Limits(cpu_s=24 * 3600, memory_bytes=1 << 30, file_bytes=0, threads=8)
START_S = 60.0
"""Time to start, imports included."""
ANSWER_S = 5.0
"""Time that untrusted functions have for a tick of all their cars; DeepRacer gives them as much."""
# What the process may know of our environment, and one thread for each: many share the machine.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# What imports most functions' modules need; a cage lets in no more of what is outside the search path.
_NEEDED = ("random", "numpy", "scipy.spatial", "scipy.interpolate", "shapely.geometry")


class Crew:
    """Processes that share the cars of a reward function.

    Args:
        script: The function's file.
        cars: How many.
        workers: How many processes.
        untrusted: Let them do nothing but compute, and wait only `ANSWER_S` for an answer.
        vectorised: Call the form for many cars. It is not divided then: there is one process.
        seed: Of their random numbers.

    Raises:
        RewardError: The file cannot be run.
    """

    def __init__(
        self, script: Script, cars: int, *, workers: int, untrusted: bool, vectorised: bool, seed: int
    ) -> None:
        self.script, self.untrusted = script, untrusted
        workers = 1 if vectorised else max(1, min(workers, cars))
        cuts = [cars * k // workers for k in range(workers + 1)]
        self.parts = list(pairwise(cuts))
        self._courses: tuple[Course, ...] = ()
        self._folder = tempfile.TemporaryDirectory(prefix="league-judging-", ignore_cleanup_errors=True)
        self._workers = [_Worker(self._folder.name) for _ in self.parts]
        self._finalizer = weakref.finalize(self, _end, self._workers, self._folder)
        for number, (worker, (first, last)) in enumerate(zip(self._workers, self.parts, strict=True)):
            task = {
                "text": script.text,
                "name": script.name,
                "cars": last - first,
                "untrusted": untrusted,
                "vectorised": vectorised,
                "seed": seed + number,
            }
            worker.say(json.dumps(task).encode())
        for worker in self._workers:
            self._check(worker, self._hear(worker, START_S))

    def judge(self, params: Params) -> FloatArray:
        """What every car is paid.

        Raises:
            FailedCallError: The function failed.
            RewardError: A process ended, or took too long.
        """
        if params.courses != self._courses:
            self._courses = params.courses
            self._tell_courses()
        for worker, (first, last) in zip(self._workers, self.parts, strict=True):
            part = params.part(first, last)
            rows, objects = np.ascontiguousarray(part.rows), np.ascontiguousarray(part.objects)
            self._say(worker, b"T" + rows.tobytes() + objects.tobytes())
        answers = [self._hear(worker, ANSWER_S if self.untrusted else None) for worker in self._workers]
        paid = []
        for worker, answer, (first, last) in zip(self._workers, answers, self.parts, strict=True):
            if answer[:1] != b"N" or len(answer) != 1 + 8 * (last - first):
                self._check(worker, answer, first)
            paid.append(np.frombuffer(answer, dtype=np.float64, offset=1))
        return np.concatenate(paid)

    def close(self) -> None:
        """End the processes."""
        self._finalizer()

    def _tell_courses(self) -> None:
        told_of = [[course.waypoints, course.length_m, course.reversed] for course in self._courses]
        for worker in self._workers:
            self._say(worker, b"C" + json.dumps(told_of).encode())

    def _say(self, worker: _Worker, message: bytes) -> None:
        try:
            worker.say(message)
        except OSError:
            raise RewardError(f"{self.script.name}: {worker.ended()}") from None

    def _hear(self, worker: _Worker, limit_s: float | None) -> bytes:
        try:
            heard = worker.hear(limit_s)
        except (EOFError, OSError):
            raise RewardError(f"{self.script.name}: {worker.ended()}") from None
        if heard is None:
            worker.kill()
            raise RewardError(f"{self.script.name}: took longer than {limit_s:g} s for one tick of its cars")
        return heard

    def _check(self, worker: _Worker, answer: bytes, first: int = 0) -> None:
        """Say what an answer that is no rewards means."""
        if answer == b"R":
            return
        try:
            fact = json.loads(answer)
            if "error" in fact:
                raise RewardError(str(fact["error"])[:1000])
            car, line, problem = int(fact["car"]), int(fact["line"]), str(fact["problem"])[:1000]
        except (ValueError, KeyError, TypeError):
            worker.kill()
            raise RewardError(f"{self.script.name}: its process answered with something else") from None
        last = next(last for begin, last in self.parts if begin == first)
        raise FailedCallError(min(max(first + car, first), last - 1), line, problem)


class _Worker:
    """One process, from outside."""

    def __init__(self, folder: str) -> None:
        self._pipe, other = Pipe()
        own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        own |= dict.fromkeys(_ONE_THREAD, "1") | {"HOME": folder, "TMPDIR": folder, "PYTHONSAFEPATH": "1"}
        with other:
            number = other.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - a program of ours
                [sys.executable, "-m", "league.learn.reward.judging", str(number)],
                cwd=folder, env=own, pass_fds=(number,), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def say(self, message: bytes) -> None:
        self._pipe.send_bytes(message)

    def hear(self, limit_s: float | None) -> bytes | None:
        """The next message; None if none came in time."""
        if limit_s is not None and not self._pipe.poll(limit_s):
            return None
        return self._pipe.recv_bytes(1 << 26)

    def kill(self) -> None:
        """End it, with whatever it started."""
        self._pipe.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()

    def ended(self) -> str:
        """How it ended, in words."""
        try:
            code = self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return "its process no longer answers"
        if code == -signal.SIGXCPU:
            return f"its process used up its {CAGED.cpu_s} s of processor time"
        if code < 0 and -code in set(signal.Signals):
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with code {code}"


def _end(workers: list[_Worker], folder: tempfile.TemporaryDirectory[str]) -> None:
    for worker in workers:
        worker.kill()
    folder.cleanup()


# -- inside the process --------------------------------------------------------------------------------


def main(number: int) -> None:
    """Answer until the other end is gone."""
    pipe = Connection(number)
    task = json.loads(pipe.recv_bytes())
    try:
        judge = _prepare(task)
    except RewardError as error:
        pipe.send_bytes(json.dumps({"error": str(error)}).encode())
        return
    pipe.send_bytes(b"R")
    courses: tuple[Course, ...] = ()
    cars = int(task["cars"])
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            return
        if message[:1] == b"C":
            courses = tuple(
                Course(tuple((x, y) for x, y in waypoints), length_m, turned)
                for waypoints, length_m, turned in json.loads(message[1:])
            )
            continue
        numbers = np.frombuffer(message, dtype=np.float64, offset=1)
        rows = numbers[: cars * COLUMNS].reshape(cars, COLUMNS)
        objects = numbers[cars * COLUMNS :].reshape(cars, -1, OBJECT)
        try:
            paid = judge(Params(rows, courses, objects))
        except FailedCallError as failed:
            fact = {"car": failed.car, "line": failed.line, "problem": failed.problem}
            pipe.send_bytes(json.dumps(fact).encode())
        else:
            pipe.send_bytes(b"N" + paid.tobytes())


def _prepare(task: dict[str, Any]) -> Callable[[Params], FloatArray]:
    """Close the door, then run the file for the first time."""
    if task["untrusted"]:
        _load()
        enter(CAGED)
    try:
        script = Script(task["text"], task["name"])
        script.begin(int(task["seed"]))
        return judge(script, int(task["cars"]), vectorised=bool(task["vectorised"]))
    except RewardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a stranger's file brings about is to be told
        raise RewardError(f"{task['name']}: {told(error)}") from None


def _load() -> None:
    """Import what functions use; afterwards there may be no way to."""
    from contextlib import suppress
    from importlib import import_module

    for name in _NEEDED:
        with suppress(ImportError):
            import_module(name)


if __name__ == "__main__":
    main(int(sys.argv[1]))
