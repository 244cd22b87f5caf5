"""`python -m livectl` is `livectl`."""

from livectl.cli import main

if __name__ == "__main__":
    main()
