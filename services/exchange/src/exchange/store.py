"""What handlers keep and look up, by repositories that hang on the transaction."""

from chassis.transaction import Transaction


class Tx(Transaction):
    """A transaction with this service's repositories."""
