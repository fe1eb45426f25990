"""Where letters go: what a JOINTLY_SMTP_URL means, and what a letter is made of."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from notifier.clients import FolderCarrier, Mail, MailServer, UnusableMailUrl, carriers, mail_server


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://mail.council.example",
            MailServer("mail.council.example", 25, implicit_tls=False, encryption="required"),
        ),
        ("smtp://localhost:1025", MailServer("localhost", 1025, implicit_tls=False, encryption="if-offered")),
        (
            "smtp://jointly:p%40ss@mail.council.example",
            MailServer(
                "mail.council.example", 587, implicit_tls=False, encryption="required", user="jointly", password="p@ss"
            ),
        ),
        (
            "smtps://mail.council.example/",
            MailServer("mail.council.example", 465, implicit_tls=True, encryption="required"),
        ),
        (
            "smtp://relay:26?starttls=never&timeout=5",
            MailServer("relay", 26, implicit_tls=False, encryption="never", patience=5.0),
        ),
        (
            "smtp://relay?ca=/etc/council.pem",
            MailServer("relay", 25, implicit_tls=False, encryption="required", authorities=Path("/etc/council.pem")),
        ),
    ],
)
def test_a_url_says_where_and_how(url: str, server: MailServer) -> None:
    assert mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.council.example",
        "http://mail.council.example",
        "smtp://",
        "smtp://host:notaport",
        "smtp://host:99999",
        "smtp://host/path",
        "smtp://host?starttls=perhaps",
        "smtp://host?tls=yes",
        "smtp://host?timeout=0",
        "smtp://host?timeout=31",
        "smtp://host?timeout=soon",
        "smtp://host?starttls",
        # A password in the clear.
        "smtp://me:CNRY@localhost?starttls=never",
        "smtp://me:CNRY@localhost?starttls=if-offered",
    ],
)
def test_a_url_that_is_not_safe_or_not_clear_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(UnusableMailUrl) as refused:
        mail_server(url)
    assert "CNRY" not in str(refused.value)


def test_a_server_does_not_show_its_password() -> None:
    assert "CNRY" not in repr(mail_server("smtp://me:CNRY@host"))


def test_without_a_server_letters_are_files_in_the_state_folder(tmp_path: Path) -> None:
    for url in (None, "file:"):
        carrier = carriers(url, state=tmp_path, name="here")()
        assert isinstance(carrier, FolderCarrier)
        assert carrier._folder == tmp_path / "mail"  # noqa: SLF001


def a_mail(recipient: str = "somebody@staff.example") -> Mail:
    return Mail(
        sender="no-reply@county.example",
        recipient=recipient,
        subject="Case J-7F3K is closed",
        body="Case J-7F3K is closed.\n" + "A line that is longer than a mail's lines usually are. " * 4,
        message_id="<0190@county.example>",
        dated=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )


def test_the_same_letter_has_the_same_bytes() -> None:
    assert a_mail().as_bytes() == a_mail().as_bytes()
    head, _, body = a_mail().as_bytes().partition(b"\r\n\r\n")
    assert b"Message-ID: <0190@county.example>" in head
    assert b"Date: Fri, 20 Nov 2026 12:00:00 +0000" in head
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert max(len(line) for line in body.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    "recipient", ["", "x", "a@b\nBcc: c@d", "a@b, c@d", "<a@b>", "a b@c", "@", "a@", '"a@b', "ä b@c", "a@b\x00"]
)
def test_what_is_not_one_address_makes_no_letter(recipient: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        a_mail(recipient).as_bytes()
