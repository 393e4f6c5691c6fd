from __future__ import annotations

import pytest
from talking import HEAT, HELLO, SHOWN, Pair, racing

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire import grammar
from league.wire.codec import encode
from league.wire.messages import (
    CODECS,
    Accepted,
    Assign,
    Countdown,
    Event,
    Finish,
    Go,
    Late,
    LateAct,
    Limits,
    Obs,
    Problem,
    Result,
    Welcome,
)


def tell(pair, message):
    return pair.down(encode(message, pair.client.codec))


@pytest.mark.parametrize("codec", CODECS)
def test_everything_that_a_server_says_is_understood(codec):
    pair = Pair(codec)
    server = pair.server
    [told] = pair.down(server.welcome())
    assert isinstance(told, Welcome)
    assert (told.behavior, told.auth, told.limits["agent_bytes"]) == (1, ("open",), 65536.0)
    assert pair.client.welcome == told
    pair.up(pair.client.hello(HELLO))
    server.codec = codec
    pair.client.codec = codec
    assert pair.down(server.accept("s", "t", "e", resumed=True)) == [Accepted("s", "t", "e", True)]
    [told] = pair.down(server.assign(HEAT))
    assert isinstance(told, Assign)
    assert (told.heat, told.seat, told.fields["hz"]) == ("final", 0, 15)
    pair.up(pair.client.ready())
    assert pair.down(server.countdown(2.5)) == [Countdown("final", 2.5)]
    assert pair.down(server.go(7)) == [Go("final", 7)]
    [told] = pair.down(server.observe(7, SHOWN, deadline_us=49_000, bank_ms=1900))
    assert isinstance(told, Obs)
    assert (told.k, told.dl_us, told.fields["bank_ms"]) == (7, 49_000, 1900)
    late = server.late(LateAct("final", 6, 1500), policy="brake", streak=3)
    assert pair.down(late) == [Late("final", 6, 1500, "brake", 3)]
    fact = {"k": 7, "t_us": 466_000, "kind": "lap", "seat": 0, "data": {"lap": 1}}
    assert pair.down(server.event(fact)) == [Event("final", 7, "lap", 0, 466_000, {"lap": 1})]
    [told] = pair.down(server.error("bad_command", "too fast"))
    assert isinstance(told, Problem)
    assert (told.code, told.fatal, told.doc) == ("bad_command", False, "commands")
    order = [{"name": "Ada", "laps": [{"time_s": 8.5}]}]
    assert pair.down(server.finish(order)) == [Finish("final", tuple(order))]
    told = pair.down(server.result({"entries": []}, revision=1, final=False, changes=["5 s for Ada"]))
    assert told == [Result("final", 1, False, {"entries": []}, ("5 s for Ada",))]


def test_a_fatal_error_is_the_end():
    pair = racing()
    [told] = pair.down(pair.server.error("removed", "withdrawn", fatal=True, retry_s=2.0))
    assert (told.fatal, told.retry_s) == (True, 2.0)
    assert pair.client.state == pair.server.state == grammar.OVER
    assert tell(pair, {"type": "obs"}) == []


def test_types_that_it_does_not_know_are_counted():
    pair = racing()
    assert tell(pair, {"type": "horoscope"}) == []
    assert pair.client.counts.unknown == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "welcome", "proto": [1, 0]}, "order"),
        ({"type": "obs", "heat": "final", "k": 0, "dl_us": 1}, "order"),
        ({"type": "obs", "heat": "another", "k": 5, "dl_us": 1}, "wrong_heat"),
        ({"type": "obs", "heat": "final", "k": "5", "dl_us": 1}, "bad_field"),
        ({"type": "obs", "heat": "final", "k": 5}, "bad_field"),
        ({"type": "finish", "heat": "final", "order": {}}, "bad_field"),
        ({"type": "finish", "order": []}, "bad_field"),
        ({"type": "event", "heat": "final", "k": 0, "kind": 7, "seat": 0}, "bad_field"),
        ({"type": "late", "heat": "final", "k": -1}, "bad_field"),
        ({"type": "error", "code": 5}, "bad_field"),
        ({"type": "error", "code": "order", "fatal": "yes"}, "bad_field"),
        ({"type": "sync", "t0": 1, "t1": 2}, "bad_field"),
    ],
)
def test_a_server_that_breaks_the_protocol_is_found_out(message, code):
    pair = racing()
    with pytest.raises(RemoteProtocolError) as caught:
        tell(pair, message)
    assert (caught.value.code, caught.value.close) == (code, 4000)


def test_a_server_of_another_major_version_is_refused():
    with pytest.raises(RemoteProtocolError) as caught:
        tell(Pair(), {"type": "welcome", "proto": [2, 0], "behavior": 1})
    assert caught.value.close == 4002


def test_a_message_over_a_server_s_limit_is_refused():
    pair = Pair()
    with pytest.raises(RemoteProtocolError) as caught:
        pair.down(b"\0" * (Limits().server_bytes + 1))
    assert caught.value.close == 4004


def test_only_the_tick_shown_last_or_an_unanswered_one_before_can_be_answered():
    pair = racing()
    pair.show()
    with pytest.raises(LocalProtocolError, match="act for tick 2, expected one from 0 to 1"):
        pair.client.act(2, 0.0, 1.0)
    pair.client.act(0, 0.0, 1.0)
    pair.client.act(1, 0.0, 1.0)
    with pytest.raises(LocalProtocolError, match="act for tick 1"):
        pair.client.act(1, 0.0, 1.0)


def test_ticks_begin_anew_with_each_heat():
    pair = racing()
    pair.show()
    pair.client.act(1, 0.0, 1.0)
    pair.down(pair.server.finish([]))
    pair.start("next")
    pair.show()
    assert pair.up(pair.client.act(0, 0.0, 1.0))[0].heat == "next"


def test_nothing_can_be_answered_before_the_first_observation_or_after_the_finish():
    pair = Pair().join().start()
    with pytest.raises(LocalProtocolError, match="'act' cannot be sent"):
        pair.client.act(0, 0.0, 1.0)
    pair.show()
    pair.down(pair.server.finish([]))
    with pytest.raises(LocalProtocolError, match="'act' cannot be sent in state 'finished'"):
        pair.client.act(0, 0.0, 1.0)


@pytest.mark.parametrize("codec", CODECS)
def test_the_codec_that_hello_names_is_spoken_from_there_on(codec):
    pair = Pair()
    pair.down(pair.server.welcome())
    hello = type(HELLO)(HELLO.event, HELLO.entry, codec=codec)
    assert isinstance(pair.client.hello(hello), bytes)  # still in what the welcome came in
    assert pair.client.codec == codec
