"""The database user of the service, who reads and writes rows and owns no table."""

from sqlalchemy import Connection, make_url, text

from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import StoreError

_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO %I",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM %I",
)


def make_service_user(database: Database, service_url: str) -> str:
    """Create the user of `service_url` or change its password; returns its name. Safe to repeat.

    Raises:
        StoreError: the database is not PostgreSQL, the URL names no user and password, or the database refuses.
    """
    url = make_url(service_url)
    if not database.is_postgresql:
        raise StoreError("SERVICE_DATABASE_URL is for PostgreSQL: take it out, or correct DATABASE_URL")
    if not url.username or not url.password:
        raise StoreError(
            "SERVICE_DATABASE_URL names no user and password: postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    user, password = url.username, str(url.password)
    with database.writing() as connection:
        known = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :user"), {"user": user}).scalar()
        verb = "ALTER" if known else "CREATE"
        _run(connection, f"{verb} ROLE %I LOGIN PASSWORD %L", user, password)
        for grant in _GRANTS:
            _run(connection, grant, user)
    return user


def _run(connection: Connection, pattern: str, user: str, password: str = "") -> None:
    """Run a statement that cannot have parameters. PostgreSQL's `format` quotes the name and the password."""
    statement = connection.execute(
        text("SELECT format(CAST(:pattern AS text), CAST(:user AS text), CAST(:password AS text))"),
        {"pattern": pattern, "user": user, "password": password},
    ).scalar_one()
    connection.exec_driver_sql(statement.replace("%", "%%"))
