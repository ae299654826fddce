"""`python -m benchmarks [name...]`: run the named benchmarks, or all of them; each prints its own table."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import benchmarks


def main() -> None:
    """Run what the command line names."""
    known = [module.name for module in iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    wanted = sys.argv[1:] or known
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        sys.exit(f"no benchmark called {', '.join(unknown)}; there are {', '.join(known)}")
    for name in wanted:
        print(f"\n== {name} ==\n", flush=True)
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
