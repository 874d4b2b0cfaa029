# Managed by the template; updates merge into this file.
"""`python -m` runs the server, as the console script does."""

from .runtime.main import main

if __name__ == "__main__":
    main()
