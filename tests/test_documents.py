"""The README and the handbooks: their Python runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from league.cli import command

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "league").rglob("*.md")]
    + [ROOT / folder / "README.md" for folder in ("plugins", "agents", "tracks", "deploy")]
    + [ROOT / "plugins" / "CARS.md"]
    if path.exists() and "templates" not in path.parts
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[Path, int, str]]:
    found: list[tuple[Path, int, str]] = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        found += [
            (path, text[: match.start()].count("\n") + 1, match.group(2))
            for match in BLOCK.finditer(text)
            if match.group(1) == language
        ]
    return found


def name(block: tuple[Path, int, str]) -> str:
    return f"{block[0].relative_to(ROOT)}:{block[1]}"


@pytest.mark.parametrize("block", blocks("python"), ids=name)
def test_python_in_the_documents_runs(
    block: tuple[Path, int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, code = block
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(path), "exec"), {"__name__": "document"})


@pytest.mark.parametrize("block", blocks("toml"), ids=name)
def test_toml_in_the_documents_is_toml(block: tuple[Path, int, str]) -> None:
    assert tomllib.loads(block[2])


def league_lines() -> list[tuple[str, str]]:
    lines = []
    for language in ("sh", "console", "text"):
        for path, _, code in blocks(language):
            for line in code.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    words = part.strip().removeprefix("$ ")
                    if words.startswith("league "):
                        lines.append((str(path.relative_to(ROOT)), words.split("#")[0]))
    return lines


@pytest.mark.parametrize(("path", "line"), league_lines())
def test_every_league_command_in_the_documents_exists_with_those_options(path: str, line: str) -> None:
    words = shlex.split(line)[1:]
    found: click.Command = command
    context = click.Context(command, info_name="league")
    while isinstance(found, click.Group):
        options = [word for word in words[:1] if word.startswith("-")]
        if options or not words:
            break
        step = found.get_command(context, words[0])
        assert step is not None, f"{path}: league has no command {words[0]!r}"
        found, words = step, words[1:]
    known = {option for parameter in found.params for option in parameter.opts} | {"--help", "--version"}
    used = {word.split("=")[0] for word in words if word.startswith("--")}
    assert used <= known, f"{path}: {line!r} uses {used - known}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_readme_names_the_test_command_that_continuous_integration_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"<!-- test-command -->\n+```sh\n.*pytest.*\n```", text)
