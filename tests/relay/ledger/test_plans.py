"""A row is found by its key, in Postgres too, whose plans are made before it knows the table."""

from __future__ import annotations

import pytest

from gemstream.relay.ledger.record import Record, note_statement, settling, withdrawing
from gemstream.relay.migrations import relay_migrations
from gemstream.stores.database import open_database
from gemstream.stores.postgres_writer import own_sql
from gemstream.stores.statement import Statement
from support.books import attempt, settlement, usage

NOTE = note_statement(("a", 1), usage(), 5, None)
RECORDS: list[Record] = [settling(settlement("a")), withdrawing(attempt("a"))]


@pytest.mark.parametrize("statement", [NOTE, *(record.statement() for record in RECORDS)])
async def test_one_row_is_found_by_its_key(postgres_url: str, statement: Statement) -> None:
    asyncpg = pytest.importorskip("asyncpg", exc_type=ImportError)
    await (await open_database(postgres_url, relay_migrations())).aclose()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE it AS {own_sql(statement.sql)}")
    nothing = ", ".join("NULL" for _ in statement.args)
    plan = "\n".join(line for (line,) in await connection.fetch(f"EXPLAIN EXECUTE it({nothing})"))
    await connection.close()
    assert "Index Cond: ((request_id = " in plan, plan
