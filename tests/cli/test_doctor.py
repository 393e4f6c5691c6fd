"""`league doctor`: what it finds here, and at a server."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from served import serving
from terminal import run_league

from league.cli import doctor
from league.testing.finding import Finding


def test_a_sound_installation_passes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ran = run_league(capsys, "doctor", "--database", tmp_path / "book.sqlite", "--json", "-")
    findings = json.loads(ran.out)
    assert ran.code == 0, findings
    assert {f["check"] for f in findings} >= {"plugins", "simulator compiles", "models run", "record book"}
    assert all(finding["passed"] for finding in findings)


def test_what_is_broken_is_named_and_ends_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ran = run_league(capsys, "doctor", "--database", tmp_path / "no-such-folder" / "book.sqlite")
    assert ran.code == 1
    (line,) = [line for line in ran.out.splitlines() if "FAILED" in line]
    assert "record book" in line
    assert "no-such-folder" in line


def test_a_server_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys, "doctor", "ws://127.0.0.1:1")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == (
        "league: no server answers at ws://127.0.0.1:1: Connection refused; "
        "is `league serve` running there?\n"
    )


def test_a_plugin_that_was_left_out_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken:
        plugins = ()

    monkeypatch.setattr(doctor, "League", Broken)
    assert "none is installed" in doctor._try("plugins", "all loaded", doctor._plugins).found


def test_an_address_that_is_none_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_league(capsys, "doctor", "ftp://nowhere").code == 2


def test_a_server_that_fails_a_check_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(url: str, *, on_finding) -> list[Finding]:
        finding = Finding("a good driver races", False, "a welcome", "nothing")
        on_finding(finding)
        return [finding]

    monkeypatch.setattr(doctor, "check_server", check)
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        ran = run_league(capsys, "doctor", f"ws://127.0.0.1:{somebody.getsockname()[1]}")
    assert ran.code == 1
    assert "0 of 1 passed" in ran.out


@pytest.mark.slow
def test_our_own_server_passes_every_client(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with serving(tmp_path) as (url, _):
        ran = run_league(capsys, "doctor", url.replace("http", "ws"))
    assert ran.code == 0, ran.out
    assert "FAILED" not in ran.out
