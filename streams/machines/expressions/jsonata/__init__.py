"""JSONata expressions: `{% $states.input.items[price > 3].name %}`."""
