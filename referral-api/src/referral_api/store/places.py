"""Which square kilometre a postcode's homes lie in."""

from collections.abc import Collection, Iterable

from chassis.transaction import Transaction

from referral_api.tables import postcode

#: Rows of one statement.
_AT_ONCE = 20_000


class Places:
    """Repository of postcodes."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def squares(self, postcodes: Collection[str]) -> dict[str, tuple[int, int]]:
        """Postcode -> its square's easting and northing in kilometres, as far as known."""
        wanted = sorted(set(postcodes))
        if not wanted:
            return {}
        rows = await self._tx.rows(
            "SELECT postcode, easting_km, northing_km FROM postcode WHERE postcode = ANY($1::text[])", wanted
        )
        return {row["postcode"]: (row["easting_km"], row["northing_km"]) for row in rows}

    async def empty(self) -> bool:
        """Whether no postcode is known."""
        return not await self._tx.rows("SELECT 1 FROM postcode LIMIT 1")

    async def keep(self, squares: Iterable[tuple[str, int, int]], *, replace: bool = True) -> int:
        """Remember (postcode, easting km, northing km); returns how many there were."""
        rows = [
            {"postcode": code, "easting_km": easting, "northing_km": northing} for code, easting, northing in squares
        ]
        for start in range(0, len(rows), _AT_ONCE):
            await self._tx.insert(
                postcode,
                rows[start : start + _AT_ONCE],
                conflict=("postcode",),
                update=("easting_km", "northing_km") if replace else (),
            )
        return len(rows)
