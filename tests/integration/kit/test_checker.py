"""The checker finds nothing wrong with a careful receiver, and names what each careless one does."""

from collections.abc import Sequence

import pytest
from integration.kit import receivers
from integration.kit.receivers import KEY, Careful
from jointly_kit.checker import check_receiver, trials
from jointly_kit.commands import app
from jointly_kit.signing import Key
from typer.testing import CliRunner

FORGED = ("tampered", "wrong-signature", "unsigned", "old")


def test_a_careful_receiver_does_nothing_wrong() -> None:
    with Careful() as receiver:
        report = check_receiver(receiver.url, KEY, times_done=receiver.done.__getitem__)
    assert report.wrong == (), str(report)
    assert report.right
    assert [finding.trial for finding in report.findings] == list(trials())
    assert str(report).endswith("all as it must be.")


def test_what_could_not_be_looked_at_is_said() -> None:
    with Careful() as receiver:
        report = check_receiver(receiver.url, KEY.secret, only=["duplicate"])
    assert report.right
    assert "Not looked at: whether a duplicate is done once." in str(report)


@pytest.mark.parametrize(
    ("broken", "wrong", "words"),
    [
        ("DoesDuplicatesAgain", ("duplicate", "duplicate-later", "duplicate-at-once", "replay"), "done 4 times."),
        ("RefusesDuplicates", ("duplicate", "duplicate-later", "replay"), "it answered 409, not 2xx."),
        ("RemembersTheLastOnly", ("duplicate-later",), "eleven others in between, and was done twice."),
        ("BelievesEverybody", FORGED, "A changed body: it answered 204, not 4xx."),
        ("ForgetsTheTime", ("old",), "Signed ten minutes ago was done once."),
        ("ReadsTheFirstSignatureOnly", ("rotated",), "Signed by another key and by its own: it answered 401"),
        ("VerifiesWhatItWroteItself", ("bytes-as-sent",), "The same JSON with other white space"),
        ("NotesTheIdBeforeItVerifies", ("forgery-first",), "The true event was sent after a forgery of it, and was"),
        ("FallsOverForgeries", FORGED, "it answered 500, not 4xx."),
        ("SaysGoneToForgeries", FORGED, "it answered 410 (410 ends the subscription), not 4xx."),
        ("TakesForgeriesWithoutAWord", FORGED, "Another's signature: it answered 200, not 4xx."),
        ("KnowsWhatItKnows", ("unknown-type",), "A type that is newer than the receiver: it answered 422"),
        ("StrictAboutFields", ("unknown-fields",), "A new attribute of the envelope: it answered 422"),
        ("NeedsEveryField", ("left-out-fields",), "a sharing rule lets only the case's id out: it answered 422"),
    ],
)
def test_a_mistake_is_named_and_nothing_else(broken: str, wrong: Sequence[str], words: str) -> None:
    with getattr(receivers, broken)() as receiver:
        report = check_receiver(receiver.url, KEY, times_done=receiver.done.__getitem__, patience=0.05)
    assert report.wrong == tuple(wrong), str(report)
    assert words in str(report)
    assert str(report).endswith(f"{len(wrong)} of {len(trials())} wrong.")


@pytest.mark.parametrize(
    ("broken", "trial", "words"),
    [
        ("LooksAndThenDoes", "duplicate-at-once", "sent four times at once, and was done 4 times."),
        ("CountsOnOneOrder", "out-of-order", "Another case's event of two days ago, after it: it answered 409"),
        ("SendsElsewhere", "valid", "it answered 307, not 2xx."),
        ("NeverAnswers", "replay", "Its replay: it did not answer within 0.2 seconds, not 2xx."),
    ],
)
def test_a_mistake_that_spoils_much_is_named_where_it_lies(broken: str, trial: str, words: str) -> None:
    with getattr(receivers, broken)() as receiver:
        times_done = receiver.done.__getitem__ if broken == "LooksAndThenDoes" else None
        seconds = 0.2 if broken == "NeverAnswers" else 20
        report = check_receiver(receiver.url, KEY, only=[trial], times_done=times_done, answer_seconds=seconds)
    assert report.wrong == (trial,)
    assert words in str(report)


def test_nobody_there_is_said_in_words() -> None:
    with Careful() as receiver:
        url = receiver.url
    report = check_receiver(url, KEY, only=["replay"])
    assert "An event: it could not be reached or broke off (ConnectError), not 2xx." in str(report)


def test_a_wrong_secret_shows_as_refusals_of_what_is_valid() -> None:
    with Careful() as receiver:
        report = check_receiver(receiver.url, Key.new(), only=["valid", "tampered"])
    assert report.wrong == ("valid",)


def test_an_unknown_trial_is_refused() -> None:
    with pytest.raises(KeyError, match="No such trial: nonsense"):
        check_receiver("http://127.0.0.1:9/", KEY, only=["nonsense"])


@pytest.mark.parametrize(("kind", "code"), [("Careful", 0), ("DoesDuplicatesAgain", 1)])
def test_the_command_asks_an_address_how_often_an_event_was_done(kind: str, code: int) -> None:
    with getattr(receivers, kind)() as receiver:
        times_done = receiver.url.replace("/hook", "/done/{id}")
        arguments = [receiver.url, "--secret", KEY.secret, "--times-done", times_done, "--only", "duplicate"]
        done = CliRunner().invoke(app, ["check-receiver", *arguments])
    assert done.exit_code == code
    assert ("One event was sent four times, and was done 4 times." in done.stdout) is bool(code)
