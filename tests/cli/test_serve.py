"""`league serve` and the commands that talk to it, as users meet them."""

from __future__ import annotations

import json
import signal
import socket
import stat
from pathlib import Path

import networks
import pytest
from served import at_home, program, serving
from terminal import Run, run_league

from league.store.records import ModelFiles


def make(run: Run, name: str, *options: object) -> str:
    """Create an event, and give its id."""
    ran = run("event", "create", name, "--circuit", "clubhouse-loop", "--laps", 1, *options)
    assert ran.code == 0, ran.err
    return ran.out.split()[1]


def wait_for_end(run: Run, event: str) -> dict:
    """An event's leaderboard, once it is over."""
    for _ in range(600):
        board = json.loads(run("leaderboard", event, "--json", "-").out)
        if board["status"] not in ("open", "running"):
            return board
        # The command takes its time; nothing has to be waited for in between.
    raise AssertionError(f"{event} came to no end: {board}")


def test_an_event_is_created_entered_started_and_shown_from_the_command_line(run: Run) -> None:
    event = make(run, "Club night", "--format", "head-to-head")
    assert event == "club-night"
    for name in ("Ada", "Bob"):
        entered = run("enter", "tutorial", "--event", event, "--as", name)
        assert entered.code == 0, entered.err
    assert "club-night" in run("events").out
    assert run("event", "start", event).code == 0
    board = wait_for_end(run, event)
    assert (board["status"], [row["status"] for row in board["entries"]]) == ("finished", ["FIN", "FIN"])
    shown = run("event", "show", event).out
    assert "heat-1" in shown
    assert "Ada" in shown
    table = run("leaderboard", event).out
    assert f"{board['entries'][0]['total_s']:.3f}" in table


def test_the_leaderboard_has_the_form_of_the_result_json(run: Run) -> None:
    event = make(run, "Form", "--entry", "tutorial", "--seed", 5)
    board = json.loads(run("leaderboard", event, "--json", "-").out)
    assert {"circuit", "laps", "seed", "behavior", "clock", "entries", "state_hash"} <= set(board)
    assert (board["seed"], board["laps"]) == (5, 1)


def test_without_a_name_the_newest_event_is_shown(run: Run) -> None:
    make(run, "Newest of all")
    assert "Newest of all" in run("leaderboard").out


def test_an_event_can_be_stopped_and_an_entry_withdrawn(run: Run) -> None:
    event = make(run, "Short", "--entry", "Ada=tutorial", "--entry", "Bob=tutorial")
    assert run("event", "withdraw", event, "bob").code == 0
    entries = json.loads(run("event", "show", event, "--json", "-").out)["entries"]
    assert [entry["name"] for entry in entries] == ["Ada"]
    assert run("event", "abort", event).code == 0
    again = run("event", "abort", event)
    assert again.code == 2
    assert "aborted" in again.err


def test_an_invited_driver_drives_with_its_token(run: Run, folder: Path, server: str) -> None:
    event = make(run, "Invited", "--by-token", "--autostart", 1)
    alone = run("drive", "tutorial", "--event", event, "--as", "Eve", "--patience", 1)
    assert alone.code == 2
    assert "token" in alone.err
    token = run("event", "invite", event, "Ada").out.split()[-1]
    ran = run("drive", "tutorial", "--event", event, "--token", token)
    assert ran.code == 0, ran.err
    assert "Ada" in ran.out
    assert "the event is over" in ran.out
    assert wait_for_end(run, event)["entries"][0]["status"] == "FIN"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("event", "create", "X", "--circuit", "nowhere"), "no circuit is called 'nowhere'"),
        (("event", "create", "X", "--circuit", "clover", "--laps", 0), "laps"),
        (("event", "create", "X", "--circuit", "clover", "--entry", "=x"), "expected AGENT or NAME=AGENT"),
        (("event", "start", "nowhere"), "no event is called 'nowhere'"),
        (("leaderboard", "nowhere"), "no event is called 'nowhere'"),
        (("enter", "nobody", "--event", "nowhere"), "no event is called 'nowhere'"),
        (("enter", "a_module:Class", "--event", "cup"), "league drive"),
        (("enter", "./no-such.onnx", "--event", "cup"), "no such file"),
        (("drive", "nobody", "--event", "cup"), "no agent is called 'nobody'"),
        (("drive", "tutorial", "--event", "nowhere"), "no event is called 'nowhere'"),
        (("events", "--server", "ftp://x"), "expected http://HOST:PORT"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(run: Run, arguments, found: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert found in ran.err
    assert ran.err.count("\n") == 1


def test_a_server_that_is_not_there_is_one_line_and_exit_code_1(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for command in (("events",), ("drive", "tutorial", "--event", "x", "--patience", "0.1")):
            ran = run(*command, "--server", f"http://127.0.0.1:{taken.getsockname()[1]}")
            assert ran.code == 1
            assert "no server answers" in ran.err
            assert ran.err.count("\n") == 1


def test_who_has_no_token_does_not_organise(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    ran = run("event", "create", "X", "--circuit", "clover")
    assert ran.code == 2
    assert "an organiser's token is needed" in ran.err
    assert "--token" in ran.err


@pytest.mark.slow
def test_the_organisers_token_is_shown_once_and_kept_privately(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, server):
        token = server.wait_for(r"shown only now: ([0-9a-f]{64})")[1]
        file = tmp_path / "config" / "league" / "organiser.json"
        server.wait_for("organiser.json")
        assert token in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert server.stop(signal.SIGTERM) == 0
    with serving(tmp_path) as (_, server):
        server.wait_for("record book: .*league.sqlite")
        assert server.stop() == 0
        assert "shown only now" not in "\n".join(server.lines)


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with program("serve", "--port", port, env=at_home(tmp_path)) as server:
            assert server.wait() == 2
            assert f"cannot listen on 127.0.0.1:{port}" in server.lines[-2]
            assert "Traceback" not in "\n".join(server.lines)


def test_wrong_settings_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "league.toml"
    config.write_text("[server]\nprot = 9\n")
    ran = run_league(capsys, "serve", "--config", config)
    assert ran.code == 2
    assert "prot" in ran.err


def write_model(folder: Path, model: ModelFiles) -> Path:
    for name, content in model.files(folder.name).items():
        path = folder.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_a_model_is_entered_with_its_report_and_gets_a_new_version(run: Run, tmp_path: Path) -> None:
    event = make(run, "Models")
    good = write_model(tmp_path / "good", networks.steady())
    entered = run("enter", good, "--event", event, "--as", "Ada")
    assert entered.code == 0, entered.err
    for word in ("solo lap", "a lap in ", f"Ada is entered in {event} as ada"):
        assert word in entered.out
    bad = write_model(tmp_path / "bad", networks.endless_loop())
    refused = run("enter", bad / "model.onnx", "--event", event, "--entry", "ada")
    assert refused.code == 1
    assert "operators: found operator 'Loop'" in refused.err
    assert "is kept, and does not race" in refused.out
    again = run("enter", good, "--event", event, "--entry", "ada", "--json", "-")
    told = json.loads(again.out)
    assert (told["version"], told["active"], told["report"]["passed"]) == (3, True, True)


def test_an_agent_is_not_mistaken_for_the_folder_of_its_package(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make(run, "Packages")
    (tmp_path / "tutorial").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("enter", "tutorial", "--event", event).code == 0
    assert "no such file" in run("enter", "./tutorial", "--event", event).err


def test_a_refused_model_is_told_as_json_too(run: Run, tmp_path: Path) -> None:
    event = make(run, "Refusals")
    bad = write_model(tmp_path / "bad", networks.random())
    refused = run("enter", bad, "--event", event, "--json", "-")
    assert refused.code == 1
    told = json.loads(refused.out)
    assert told["report"]["reason"].startswith("operators: ")
    assert "entry_id" not in told
    assert run("enter", bad, "--event", event, "--entry", "bad", "--as", "Bad").code == 2
