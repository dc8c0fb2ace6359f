"""The one Alembic environment. A lock keeps two migrations apart; a timeout keeps them short."""

import sqlalchemy as sa
from alembic import context

_LOCK = 0x6B61696D

config = context.config
engine = sa.create_engine(config.attributes["url"], poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    connection.execute(sa.text("set lock_timeout = '5s'"))
    connection.execute(sa.text("set statement_timeout = '10min'"))
    connection.execute(sa.text(f"select pg_advisory_lock({_LOCK})"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=config.attributes["metadata"],
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
