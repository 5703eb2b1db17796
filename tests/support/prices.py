"""The list prices of us-east-1, for tests that meter or estimate calls."""

from headrace.streams.costs.prices import read_price_list

PRICES = read_price_list("us-east-1")
