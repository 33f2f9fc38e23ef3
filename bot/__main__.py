"""`python -m bot` is `zapdev`."""

from bot.cli import main

if __name__ == "__main__":
    main()
