"""Intrinsic functions of JSONPath states: `States.Format('{} of {}', $.done, States.ArrayLength($.items))`."""
