"""What Alembic runs: the revisions, on the connection and in the transaction that it is given."""

from alembic import context

from fixbook.store._tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("the migrations run on a connection of Fixbook's store; run `fixbook database upgrade`")
context.configure(connection=connection, target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
