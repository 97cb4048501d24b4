"""The only writer of balances."""
