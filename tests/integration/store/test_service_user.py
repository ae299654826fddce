"""The user that `db upgrade` makes for the service: it records scores, and cannot change a table."""

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from benchmark_qa.store.database import Database
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.service_user import make_service_user
from tests.postgresql import create_database
from tests.records import PROJECT, record


def test_the_service_user_records_scores_and_owns_no_table(postgresql: str) -> None:
    owner_url = create_database(postgresql, "of_service_user")
    owner = Database(owner_url, connections=1)
    owner.upgrade()
    for password in ("it's a pass%word", "another"):  # the second time the password is changed
        service_url = make_url(owner_url).set(username="of service", password=password)
        spelt = service_url.render_as_string(hide_password=False)
        assert make_service_user(owner, spelt) == "of service"
        store = SqlScoreStore(spelt)
        store.database.require_writable()
        store.save([record(1)])
        assert [each.identity.data_hash for each in store.latest(PROJECT)] == [record(1).identity.data_hash]
        store.close()
    engine = create_engine(service_url)
    for statement in ("DROP TABLE score_records", "CREATE TABLE mine (x int)", "DELETE FROM alembic_version"):
        with engine.connect() as connection, pytest.raises(ProgrammingError):
            connection.execute(text(statement))
    engine.dispose()
    owner.close()
