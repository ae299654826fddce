"""`python -m demo`."""

import sys

if __name__ == "__main__":
    try:
        from demo.command import main  # takes a second or two: the SDK is large
    except KeyboardInterrupt:
        sys.exit("\nstopped before anything was started")
    sys.exit(main())
