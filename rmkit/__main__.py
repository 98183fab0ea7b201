import sys

from rmkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
