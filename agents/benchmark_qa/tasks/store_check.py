"""Check whether scores can be recorded now."""

from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import SchemaBehindError, StoreError
from benchmark_qa.tasks.checks import Finding

CHECK = "score store"


def check_store(database: Database) -> Finding:
    """Check that the database answers in time, has the right schema and accepts writes."""
    try:
        database.require_writable()
    except SchemaBehindError as error:
        return Finding(CHECK, False, str(error), "run 'benchmark-qa db upgrade' with the same DATABASE_URL")
    except StoreError as error:
        remedy = "the database of DATABASE_URL must run, have connections and disk left, and take what is written"
        return Finding(CHECK, False, str(error), remedy)
    return Finding(CHECK, True, "reachable, up to date and writable")
