"""A program that writes heats until it is stopped; `test_durability` runs it, and kills it.

    writing.py kill FILE ROUNDS    fork a writer ROUNDS times and kill it at a random moment
    writing.py fill FILE BYTES     write until the file may not grow beyond BYTES
    writing.py full FILE           write until the disk is full

Prints one line of JSON: the heats that the writer was told are committed, and the error that ended it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from league.errors import RecordBookError
from league.store.book import RecordBook

FACTS, RECORDING = 40, bytes(range(256)) * 200


def evening() -> Any:
    spec = importlib.util.spec_from_file_location("evening", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Evening()


async def write(where: str, *, prefix: str, say: Any) -> None:
    """Begins and finishes heats for ever; says each one that is committed."""
    club = evening()
    async with await RecordBook.open(where) as book:
        if not await book.events():
            await book.add_event(club.event())
        number = 0
        while True:
            number += 1
            heat = club.heat(f"{prefix}-{number}")
            await book.begin_heat("friday", heat)
            assert await book.finish_heat("friday", heat, club.result(heat), club.facts(FACTS), RECORDING)
            say(heat.id)


def write_to_pipe(where: str, prefix: str, pipe: int) -> NoReturn:
    """The forked writer; it never returns to the test that it was forked from."""
    try:
        asyncio.run(write(where, prefix=prefix, say=lambda heat: os.write(pipe, f"{heat}\n".encode())))
    finally:
        os._exit(1)


def kill(where: str, rounds: int) -> list[str]:
    """Heats that writers were told are committed, each of them killed at a moment of its own."""
    told: list[str] = []
    chance = random.Random(20310517)
    for number in range(rounds):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            write_to_pipe(where, f"round-{number}", writing)
        os.close(writing)
        with os.fdopen(reading, encoding="ascii") as lines:
            told += [lines.readline().strip() for _ in range(chance.randrange(3))]
            time.sleep(chance.random() * 0.02)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told += [line.strip() for line in lines]
    return told


def until_it_fails(where: str) -> dict[str, Any]:
    told: list[str] = []
    try:
        asyncio.run(write(where, prefix="heat", say=told.append))
    except RecordBookError as error:
        return {"told": told, "error": str(error)}
    raise AssertionError("writes for ever")


def main(task: str, where: str, number: str = "0") -> None:
    if task == "kill":
        print(json.dumps({"told": kill(where, int(number)), "error": ""}))
        return
    if task == "fill":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(number), int(number)))
    print(json.dumps(until_it_fails(where)))


if __name__ == "__main__":
    main(*sys.argv[1:])
