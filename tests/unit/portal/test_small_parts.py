"""The pages' small rules: sealing, figures, maps, bars, looking outside one's team, words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal.domain import figures, maps, words
from portal.domain.bars import WIDE, bar
from portal.domain.looking import is_outside
from portal.domain.samples import sample
from portal.domain.sealing import Ticket
from portal.views.integrators import event, kinds


class TestSealing:
    """What only the holder of a cookie can open."""

    def test_what_was_sealed_opens_with_the_same_cookie_and_with_no_other(self) -> None:
        ticket = Ticket.fresh()
        sealed = ticket.seal(b"token")
        again = Ticket.read(ticket.written())
        assert again is not None
        assert again.open(sealed) == b"token"
        assert Ticket.fresh().open(sealed) is None
        assert ticket.open(sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
        assert b"token" not in sealed

    def test_the_row_and_the_forms_do_not_tell_the_cookie_nor_each_other(self) -> None:
        ticket = Ticket.fresh()
        assert len({ticket.written(), ticket.digest, ticket.form_token}) == 3
        assert ticket.is_form_token(ticket.form_token)
        assert not ticket.is_form_token(Ticket.fresh().form_token)

    @pytest.mark.parametrize("text", [None, "", "x", "ü" * 43, "A" * 42, "A" * 200, "%%%"])
    def test_anything_else_in_the_cookie_is_no_ticket(self, text: str | None) -> None:
        assert Ticket.read(text) is None


class TestFigures:
    """Small numbers point to nobody."""

    @given(st.lists(st.integers(0, 40), max_size=12), st.integers(2, 10))
    def test_no_small_count_is_shown_nor_follows_from_the_total(self, counts: list[int], smallest: int) -> None:
        shown = figures.suppressed(counts, smallest)
        assert not [count for count in shown if count is not None and 0 < count < smallest]
        hidden = [count for count, known in zip(counts, shown, strict=True) if known is None]
        # One hidden count is the total less the others; that is only so when there is nothing to hide it with.
        assert len(hidden) != 1 or not [count for count in shown if count]

    @given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 10))
    def test_a_share_shows_neither_the_few_who_did_nor_the_few_who_did_not(
        self, did: int, did_not: int, smallest: int
    ) -> None:
        found = figures.share(did, did + did_not, smallest=smallest)
        if found.count is not None and found.total is not None:
            assert not 0 < found.count < smallest
            assert not 0 < found.total - found.count < smallest
            assert found.total >= smallest

    def test_a_chart_has_a_line_for_each_figure_that_is_shown(self) -> None:
        rows = [("a", 10.0, None, "10"), ("hidden", None, None, "Too few"), ("b", 5.0, 20.0, "5")]
        drawn = figures.bars(rows)
        assert [one.name for one in drawn] == ["a", "b"]
        assert drawn[1].second == figures.LONG
        assert drawn[0].width == figures.LONG // 2


class TestMaps:
    """The British National Grid without tiles."""

    @pytest.mark.parametrize(
        ("easting", "northing", "name"),
        [
            (393_000, 222_000, "SO9322"),
            (530_000, 180_000, "TQ3080"),
            (416_000, 220_000, "SP1620"),
            (217_000, 771_000, "NN1771"),
        ],
    )
    def test_squares_are_named_as_on_maps(self, easting: int, northing: int, name: str) -> None:
        assert maps.square_name(easting, northing) == name

    def test_north_is_up_and_everything_lies_on_the_sheet(self) -> None:
        south, north = maps.Place(390_000, 210_000, "south"), maps.Place(391_000, 230_000, "north")
        drawn = maps.draw([south, north], [maps.Square(389_000, 219_000, "SO8919", 2)])
        assert drawn is not None
        at = {place.name: (x, y) for x, y, place in drawn.points}
        assert at["north"][1] < at["south"][1]
        assert all(0 <= x <= drawn.wide and 0 <= y <= drawn.high for x, y in at.values())

    def test_nothing_known_is_no_map(self) -> None:
        assert maps.draw([]) is None

    def test_distances_are_straight(self) -> None:
        assert maps.kilometres((0, 0), (3_000, 4_000)) == 5.0


class TestBars:
    """Clocks as bars."""

    @given(st.integers(0, 400), st.integers(0, 800))
    def test_a_bar_is_never_longer_than_itself(self, term: int, gone: int) -> None:
        begin = date(2026, 1, 1)
        found = bar(begin, begin + timedelta(days=term), begin + timedelta(days=gone))
        assert 0 <= found.gone <= found.limit <= WIDE
        assert 0 <= found.limit + found.late <= WIDE
        assert (found.late > 0) == (gone > max(term, 1)) or found.late == 0

    def test_half_way_is_half_a_bar(self) -> None:
        assert bar(date(2026, 9, 1), date(2026, 9, 21), date(2026, 9, 11)).gone == WIDE // 2


@pytest.mark.parametrize(
    ("clusters", "county_wide", "holds", "offered_to", "outside"),
    [
        ({"north"}, False, "north", None, False),
        ({"north"}, False, "south", None, True),
        ({"north"}, False, "south", "north", False),
        (set(), True, "south", None, True),
        (set(), True, None, None, False),
        (set(), False, "south", None, False),
    ],
)
def test_who_must_say_why_before_they_look(
    clusters: set[str], *, county_wide: bool, holds: str | None, offered_to: str | None, outside: bool
) -> None:
    assert is_outside(clusters=clusters, county_wide=county_wide, holds=holds, offered_to=offered_to) is outside


class TestWords:
    """As people read them."""

    @pytest.mark.parametrize(
        ("pence", "says"), [(0, "£0"), (5, "£0.05"), (120000, "£1,200"), (-150, "-£1.50"), (None, "")]
    )
    def test_money(self, pence: int | None, says: str) -> None:
        assert words.money(pence) == says

    def test_times_are_the_county_clocks_own(self) -> None:
        assert words.instant("2026-07-01T11:05:00Z") == "1 July 2026 at 12:05pm"
        assert words.instant("2026-12-31T23:30:00Z") == "31 December 2026 at 11:30pm"
        assert words.day("2026-06-30T23:30:00Z") == "1 July 2026"

    def test_how_long_ago(self) -> None:
        now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        said = [words.ago(now - timedelta(seconds=s), now) for s in (5, 60, 7200, 86_400, 86_400 * 30)]
        assert said == ["just now", "1 minute ago", "2 hours ago", "1 day ago", "24 October 2026"]


def test_every_event_has_a_sample_and_a_page() -> None:
    for name, _ in kinds():
        shown = event(name)
        assert shown is not None
        assert name in shown["sample"]


def test_a_sample_of_a_nested_schema_ends() -> None:
    loop: dict[str, object] = {"type": "object", "properties": {"again": {"$ref": "#/$defs/Loop"}}}
    assert "again" in sample({"$ref": "#/$defs/Loop"}, {"Loop": loop})
