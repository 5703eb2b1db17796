"""`python -m console`: the same as `headrace`."""

from headrace.console.app.main import main

if __name__ == "__main__":
    main()
