from __future__ import annotations

import math

import msgpack
import pytest
from talking import HEAT, HELLO, SHOWN, TICK_S, Pair, racing

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire import grammar
from league.wire.codec import decode, encode
from league.wire.messages import (
    CODECS,
    ERROR_CODES,
    Act,
    Bye,
    Hello,
    LateAct,
    Loading,
    Ready,
    RefusedAct,
    Resume,
    Sync,
)


def act(k=0, **changed):
    return {"type": "act", "heat": "final", "k": k, "steer_rad": 0.1, "speed_mps": 2.0, **changed}


def say(pair, message):
    return pair.up(encode(message, "msgpack"))


def refusal(pair, message):
    with pytest.raises(RemoteProtocolError) as caught:
        say(pair, message)
    return caught.value


def hello(**changed):
    return {"type": "hello", "proto": [1, 0], "event": "cup", "entry": {"name": "Ada"}, **changed}


def greeted():
    pair = Pair()
    pair.down(pair.server.welcome())
    return pair


# -- joining -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_a_driver_joins_races_and_leaves(codec):
    pair = Pair(codec).join().start()
    for _ in range(3):
        k = pair.show()
        assert pair.up(pair.client.act(k, 0.25, 1.5, us=40, note="fast")) == [
            Act("final", k, 0.25, 1.5, 40, "fast")
        ]
        assert pair.close() == Act("final", k, 0.25, 1.5, 40, "fast")
    pair.down(pair.server.finish([]))
    pair.down(pair.server.result({"entries": []}))
    assert pair.up(pair.client.bye("home")) == [Bye("home")]
    assert pair.server.state == pair.client.state == grammar.OVER
    assert pair.server.counts.acts == 3


def test_hello_says_who_drives():
    pair = greeted()
    message = hello(
        codec="json",
        token="secret",
        sdk={"lang": "rust", "version": "0.1"},
        want=["state", "lidar", "state"],
        resume={"session": "s", "token": "t", "last_k": 9},
        horoscope="crab",
    )
    [said] = say(pair, message)
    assert isinstance(said, Hello)
    assert (said.event, said.entry.name, said.entry.kind, said.token) == ("cup", "Ada", "remote", "secret")
    assert said.want == ("state", "lidar")
    assert said.resume == Resume("s", "t", 9)
    assert isinstance(pair.server.accept("s", "t", "e"), str)  # JSON from here on


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"event": None}, "hello.event: expected text of 1 to 128 characters, found nothing"),
        ({"event": ""}, "hello.event"),
        ({"event": "x" * 129}, "hello.event"),
        ({"entry": "Ada"}, "hello.entry: expected a map, found 'Ada'"),
        ({"entry": {}}, "hello.entry.name"),
        ({"entry": {"name": 7}}, "hello.entry.name: expected text of 1 to 64 characters, found 7"),
        ({"entry": {"name": "  "}}, "hello.entry.name"),
        ({"entry": {"name": "a\nb"}}, "hello.entry.name: expected text without control characters"),
        ({"entry": {"name": "a\u202eb"}}, "without control characters"),
        ({"entry": {"name": "Ada", "kind": "ghost"}}, "hello.entry.kind: expected one of onnx"),
        ({"entry": {"name": "Ada", "kind": ["onnx"]}}, "hello.entry.kind"),
        ({"proto": 1}, r"hello.proto: expected \[major, minor\], found 1"),
        ({"proto": [1]}, "hello.proto"),
        ({"proto": [True, 0]}, "hello.proto"),
        ({"codec": "xml"}, "hello.codec: expected 'msgpack' or 'json', found 'xml'"),
        ({"codec": {}}, "hello.codec"),
        ({"token": 5}, "hello.token"),
        ({"want": "state"}, "hello.want"),
        ({"want": [1]}, "hello.want"),
        ({"want": ["s"] * 17}, "hello.want"),
        ({"resume": {"session": "s"}}, "hello.resume.token"),
        ({"resume": {"session": "s", "token": "t", "last_k": 1.5}}, "hello.resume.last_k"),
        ({"sdk": []}, "hello.sdk"),
    ],
)
def test_a_bad_hello_is_refused_by_field_and_ends_it(changed, says):
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        say(greeted(), hello(**changed))
    assert (caught.value.code, caught.value.close) == ("bad_field", 4000)


def test_a_name_with_half_a_character_is_refused():
    with pytest.raises(RemoteProtocolError, match=r"hello\.entry\.name") as caught:
        greeted().up('{"type":"hello","proto":[1,0],"event":"cup","entry":{"name":"a\\ud800"}}')
    str(caught.value).encode()


def test_another_major_version_is_refused_with_4002():
    error = refusal(greeted(), hello(proto=[2, 0]))
    assert (error.code, error.close) == ("version", 4002)


def test_a_newer_minor_version_is_welcome():
    [said] = say(greeted(), hello(proto=[1, 7]))
    assert said.proto == (1, 7)


@pytest.mark.parametrize("message", [{"type": "sync", "t0": 0}, act(), {"type": "ready", "heat": "final"}])
def test_whatever_comes_before_hello_ends_it(message):
    error = refusal(greeted(), message)
    assert (error.code, error.close) == ("order", 4000)


def test_one_bad_frame_before_hello_ends_it():
    pair = greeted()
    with pytest.raises(RemoteProtocolError) as caught:
        pair.up(b"\xc1")
    assert caught.value.close == 4000
    told = decode(pair.server.refuse(caught.value), limit=10_000)
    assert (told["type"], told["code"], told["fatal"]) == ("error", "bad_frame", True)
    assert told["doc"] == ERROR_CODES["bad_frame"].doc
    assert pair.up(encode(hello(), "msgpack")) == []  # it is over


def test_sync_is_answered_with_both_times():
    pair = Pair().join()
    [said] = pair.up(pair.client.sync(123.0))
    assert said == Sync(123.0, pair.now_s)
    [told] = pair.down(pair.server.sync_reply(said, pair.now_s + 0.5))
    assert (told.t0, told.t1, told.t2) == (123.0, pair.now_s * 1e6, (pair.now_s + 0.5) * 1e6)


@pytest.mark.parametrize("t0", [math.nan, math.inf, "now", None, True, 10**30])
def test_a_sync_needs_a_number(t0):
    message = {"type": "sync", "t0": t0} if t0 != 10**30 else None
    frame = encode(message, "msgpack") if message else '{"type":"sync","t0":' + "1" * 31 + "}"
    with pytest.raises(RemoteProtocolError, match=r"sync\.t0"):
        Pair().join().up(frame)


def test_loading_and_ready_are_passed_on():
    pair = Pair().join()
    pair.down(pair.server.assign(HEAT))
    assert pair.up(pair.client.loading(0.5)) == [Loading("final", 0.5)]
    assert pair.up(pair.client.ready(120.5, 3.25)) == [Ready("final", 120.5, 3.25)]


# -- answers -----------------------------------------------------------------------------------------


def test_an_answer_must_name_the_open_tick():
    pair = racing()
    assert pair.server.waiting
    say(pair, act(0))
    assert not pair.server.waiting
    assert pair.close().k == 0


def test_each_tick_waits_for_an_answer_of_its_own():
    pair = racing()
    for k in range(3):
        assert pair.server.waiting
        say(pair, act(k))
        assert not pair.server.waiting
        pair.close()
        assert not pair.server.waiting
        pair.show()


def test_a_tick_without_an_answer_is_missed():
    pair = racing()
    assert pair.close() is None
    assert pair.close() is None  # it is closed already
    assert pair.server.counts.missed == 1


def test_nobody_is_waited_for_after_the_finish_or_before_the_next_heat():
    pair = racing()
    pair.down(pair.server.finish([]))
    assert not pair.server.waiting
    pair.start("second")
    pair.show()
    say(pair, act(0, heat="second"))
    pair.down(pair.server.finish([]))
    pair.start("next")
    assert not pair.server.waiting
    assert not pair.server.answered
    assert pair.server.tick is None


def test_a_late_answer_is_dropped_and_counted():
    pair = racing()
    pair.close()
    [said] = say(pair, act(0))
    assert said == LateAct("final", 0, round(TICK_S * 1e6))
    pair.show()
    [said] = say(pair, act(0))
    assert isinstance(said, LateAct)
    assert pair.server.waiting
    assert pair.close() is None
    assert (pair.server.counts.late, pair.server.counts.acts, pair.server.counts.missed) == (2, 0, 2)
    [told] = pair.down(pair.server.late(said, policy="hold", streak=2))
    assert (told.k, told.policy, told.streak) == (0, "hold", 2)


def test_a_future_answer_is_an_error_and_counted():
    pair = racing()
    error = refusal(pair, act(1))
    assert (error.code, error.close) == ("future", None)
    assert "expected the tick shown last (0), found 1" in str(error)
    assert pair.server.waiting
    assert pair.server.counts.future == 1


def test_an_answer_before_anything_was_shown_is_a_future_one():
    error = refusal(Pair().join().start(), act(0))
    assert error.code == "future"


def test_the_last_of_two_answers_counts():
    pair = racing()
    say(pair, act(0, speed_mps=1.0))
    say(pair, act(0, speed_mps=3.0))
    assert pair.close().speed_mps == 3.0
    assert pair.server.counts.duplicates == 1


def test_a_refused_answer_after_a_good_one_counts_as_missing():
    pair = racing()
    say(pair, act(0))
    [said] = say(pair, act(0, speed_mps=math.nan))
    assert isinstance(said, RefusedAct)
    assert pair.close() is None
    assert pair.server.counts.duplicates == 1


def test_a_good_answer_after_a_refused_one_counts():
    pair = racing()
    say(pair, act(0, speed_mps=math.inf))
    assert not pair.server.waiting
    say(pair, act(0))
    assert pair.close() is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steer_rad", math.nan),
        ("steer_rad", math.inf),
        ("steer_rad", -math.inf),
        ("steer_rad", 3.2),
        ("steer_rad", 10**18),
        ("speed_mps", math.nan),
        ("speed_mps", math.inf),
        ("speed_mps", -0.01),
        ("speed_mps", 4.01),
        ("speed_mps", 2**63),
    ],
)
def test_a_command_that_is_not_finite_or_out_of_range_is_refused_and_counted(field, value):
    pair = racing()
    [said] = say(pair, act(0, **{field: value}))
    assert isinstance(said, RefusedAct)
    assert f"act.{field}: expected" in said.problem
    assert "found" in said.problem
    assert pair.server.counts.refused == 1
    assert pair.server.counts.bad == 0
    assert pair.close() is None


@pytest.mark.parametrize("speed_mps", [0, 0.0, -0.0, 4, 4.0, float(msgpack.unpackb(msgpack.packb(4.000001)))])
def test_the_limits_themselves_are_in_range(speed_mps):
    [said] = say(racing(), act(0, speed_mps=speed_mps))
    assert isinstance(said, Act)
    assert isinstance(said.speed_mps, float)


def test_the_top_speed_survives_single_precision():
    pair = Pair().join()
    pair.down(pair.server.assign({**HEAT, "act_spec": {"speed_mps": [0.0, 3.65]}}))
    pair.up(pair.client.ready())
    pair.down(pair.server.go())
    pair.show()
    rounded = msgpack.unpackb(msgpack.packb(3.65, use_single_float=True))
    assert rounded > 3.65
    [said] = say(pair, act(0, speed_mps=rounded))
    assert isinstance(said, Act)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"k": "0"}, "act.k: expected the number of a tick, found '0'"),
        ({"k": 0.0}, "act.k"),
        ({"k": True}, "act.k"),
        ({"k": -1}, "act.k"),
        ({"k": None}, "act.k"),
        ({"steer_rad": "left"}, "act.steer_rad: expected a number, found 'left'"),
        ({"steer_rad": None}, "act.steer_rad: expected a number, found nothing"),
        ({"steer_rad": True}, "act.steer_rad"),
        ({"steer_rad": [1]}, "act.steer_rad: expected a number, found a list of 1"),
        ({"speed_mps": {}}, "act.speed_mps: expected a number, found a map of 0"),
        ({"speed_mps": b"2"}, "act.speed_mps: expected a number, found 1 bytes"),
        ({"us": -1}, "act.us"),
        ({"us": 1.5}, "act.us"),
        ({"us": 2**60}, "act.us"),
        ({"note": 5}, "act.note: expected text of at most 256 bytes, found 5"),
        ({"note": "é" * 129}, "act.note"),
        ({"note": None}, "act.note"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(changed, says):
    pair = racing()
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        say(pair, act(**changed))
    assert (caught.value.code, caught.value.close) == ("bad_field", None)
    assert pair.server.counts.bad == 1
    assert pair.server.waiting


@pytest.mark.parametrize("heat", [None, 7, "another", ["final"], {}])
def test_an_answer_for_a_heat_it_is_not_in_is_an_error(heat):
    pair = racing()
    error = refusal(pair, act(0, heat=heat))
    assert error.code == "wrong_heat"
    assert "expected 'final'" in str(error)


def test_a_note_of_256_bytes_passes():
    [said] = say(racing(), act(0, note="é" * 128))
    assert said.note == "é" * 128


def test_a_note_with_half_a_character_is_refused():
    with pytest.raises(RemoteProtocolError, match=r"act\.note"):
        racing().up('{"type":"act","heat":"final","k":0,"steer_rad":0,"speed_mps":0,"note":"\\ud800"}')


def test_the_next_observation_says_what_became_of_the_last_answer():
    pair = racing()
    say(pair, act(0, us=77))
    pair.close()
    shown = decode(pair.server.observe(1, SHOWN, deadline_us=1), limit=10_000)
    assert shown["last"] == {"k": 0, "us": 77, "used": True}
    pair.close()
    shown = decode(pair.server.observe(2, SHOWN, deadline_us=1), limit=10_000)
    assert shown["last"] == {"k": 1, "us": 0, "used": False}


# -- what crosses, what is out of order ----------------------------------------------------------------


@pytest.mark.parametrize(
    "message", [act(0), {"type": "loading", "heat": "final"}, {"type": "ready", "heat": "final"}]
)
def test_what_crosses_the_end_of_a_heat_is_no_fault(message):
    pair = racing()
    pair.down(pair.server.finish([]))
    assert say(pair, message) == []
    pair.down(pair.server.assign({**HEAT, "heat": "next"}))
    assert say(pair, message) == []
    assert pair.server.counts.stale == 2
    assert pair.server.counts.order == 0
    assert pair.server.state == grammar.LOADING


def test_an_answer_of_an_earlier_heat_does_not_answer_this_one():
    pair = racing()
    pair.down(pair.server.finish([]))
    pair.start("next")
    pair.show()
    assert say(pair, act(0)) == []
    assert pair.server.waiting


@pytest.mark.parametrize("kind", ["hello", "ready", "loading"])
def test_a_message_out_of_order_is_an_error_but_not_the_end(kind):
    pair = racing()
    message = {
        "hello": hello(),
        "ready": {"type": "ready", "heat": "final"},
        "loading": {"type": "loading", "heat": "final"},
    }
    error = refusal(pair, message[kind])
    assert (error.code, error.close) == ("order", None)
    assert "expected one of: act, bye, sync" in str(error)
    assert pair.server.state == grammar.RACING
    assert pair.server.counts.order == 1


def test_unknown_types_are_counted_and_nothing_else():
    pair = racing()
    for _ in range(50):
        assert say(pair, {"type": "horoscope", "k": []}) == []
    assert pair.server.counts.unknown == 50
    assert pair.server.state == grammar.RACING


def test_the_twentieth_bad_frame_ends_it_with_4000():
    pair = racing()
    for _ in range(19):
        with pytest.raises(RemoteProtocolError) as caught:
            pair.up(b"\xc1")
        assert caught.value.close is None
        pair.server.refuse(caught.value)
    with pytest.raises(RemoteProtocolError) as caught:
        pair.up("{")
    assert (caught.value.code, caught.value.close) == ("bad_frame", 4000)


def test_an_oversized_message_ends_it_with_4004():
    pair = racing()
    with pytest.raises(RemoteProtocolError) as caught:
        pair.up(b"\x00" * (64 * 1024 + 1))
    assert (caught.value.code, caught.value.close) == ("too_large", 4004)


# -- rate --------------------------------------------------------------------------------------------


def at_once(pair, message):
    return pair.server.receive(encode(message, "msgpack"), pair.now_s)


def test_three_messages_a_tick_are_read_and_a_fourth_is_not():
    pair = racing()
    for speed_mps in (1.0, 2.0, 3.0):
        at_once(pair, act(0, speed_mps=speed_mps))
    with pytest.raises(RemoteProtocolError) as caught:
        at_once(pair, act(0, speed_mps=4.0))
    assert (caught.value.code, caught.value.close) == ("rate", None)
    assert at_once(pair, act(0, speed_mps=4.0)) == []  # said once a tick
    assert pair.close().speed_mps == 3.0
    assert pair.server.counts.rate == 2
    pair.show()
    [said] = at_once(pair, act(1))
    assert isinstance(said, Act)


def test_a_driver_may_say_at_once_what_joining_and_starting_need():
    pair = Pair()
    frozen = pair.now_s

    def up(frame):
        return pair.server.receive(frame, frozen)

    pair.down(pair.server.welcome())
    up(pair.client.hello(HELLO))
    pair.down(pair.server.accept("s", "t", "e"))
    up(pair.client.sync(0.0))
    pair.down(pair.server.assign(HEAT))
    up(pair.client.loading(0.0))
    up(pair.client.ready())
    up(pair.client.sync(0.0))
    pair.down(pair.server.go())
    pair.show()
    assert [type(said) for said in up(pair.client.act(0, 0.0, 1.0))] == [Act]
    assert pair.server.counts.rate == 0


def test_what_is_owed_of_one_heat_is_no_allowance_in_the_next():
    pair = racing()
    for _ in range(30):
        pair.close()
        pair.show()
    pair.down(pair.server.finish([]))
    pair.start("next")
    pair.show()
    for _ in range(3):
        at_once(pair, {"type": "sync", "t0": 0})
    with pytest.raises(RemoteProtocolError, match="messages a tick"):
        at_once(pair, {"type": "sync", "t0": 0})


def test_time_alone_allows_more_as_well():
    pair = racing()
    for _ in range(10):
        say(pair, act(0))
    assert pair.server.counts.rate == 0


def test_the_twentieth_message_too_many_ends_it_with_4003():
    pair = racing()
    closes = []
    for _ in range(30):
        try:
            at_once(pair, {"type": "sync", "t0": 0})
        except RemoteProtocolError as error:
            closes.append(error.close)
            if error.close:
                break
    assert closes == [None, 4003]
    assert pair.server.counts.rate == 20


def test_what_is_beyond_the_rate_is_not_even_decoded():
    pair = racing()
    for _ in range(3):
        at_once(pair, {"type": "sync", "t0": 0})
    with pytest.raises(RemoteProtocolError, match="messages a tick"):
        pair.server.receive(b"\xc1", pair.now_s)
    assert pair.server.counts.bad == 0


def test_answers_that_a_stalled_network_delivers_at_once_are_late_but_not_too_many():
    pair = racing()
    frames = []
    for _ in range(12):
        frames.append(pair.client.act(pair.k, 0.0, 1.0))
        pair.close()
        pair.show()
    said = [pair.server.receive(frame, pair.now_s) for frame in frames]
    assert all(isinstance(one, LateAct) for [one] in said)
    assert pair.server.counts.rate == 0
    [now] = at_once(pair, act(pair.k))
    assert isinstance(now, Act)


def test_silence_does_not_save_up_an_unbounded_allowance():
    pair = racing()
    for _ in range(500):
        pair.close()
        pair.show()
    read = 0
    for _ in range(200):
        try:
            pair.server.receive(encode({"type": "sync", "t0": 0}, "msgpack"), pair.now_s)
        except RemoteProtocolError:
            break
        read += 1
    assert read <= 63


# -- our own faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "speak",
    [
        lambda session: session.accept("s", "t", "e"),
        lambda session: session.assign(HEAT),
        lambda session: session.go(),
        lambda session: session.observe(0, SHOWN, deadline_us=1),
        lambda session: session.finish([]),
        lambda session: session.result({}),
        lambda session: session.event({"k": 0, "t_us": 0, "kind": "lap", "seat": 0, "data": {}}),
    ],
)
def test_what_the_grammar_does_not_allow_cannot_be_said(speak):
    pair = greeted()
    with pytest.raises(LocalProtocolError, match="in state 'greeted', expected one of: bye, error"):
        speak(pair.server)


def test_ticks_go_forward_only():
    pair = racing()
    pair.show()
    with pytest.raises(LocalProtocolError, match="obs for tick 1 after tick 1"):
        pair.server.observe(1, SHOWN, deadline_us=1)


def test_an_assignment_needs_its_fields():
    pair = Pair().join()
    with pytest.raises(LocalProtocolError, match=r"assign\.hz: expected int, found nothing"):
        pair.server.assign({"heat": "final", "seat": 0})
    assert pair.server.state == grammar.IDLE


def test_a_message_that_cannot_be_sent_changes_nothing():
    pair = racing()
    with pytest.raises(LocalProtocolError):
        pair.server.finish([{"bad": object()}])
    assert pair.server.state == grammar.RACING
