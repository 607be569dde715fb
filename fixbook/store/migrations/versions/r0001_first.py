"""The first schema: cases with full-text search, runs that nothing changes, jobs with their output, votes, users."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables, and what each database has of its own for search and for keeping runs as they are."""
    _cases_and_runs()
    _jobs()
    _people()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _cases_and_runs() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("package", sa.Text, index=True),
        sa.Column("status", sa.Text),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
        sa.Column("verified_run", sa.Integer),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.String(80), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("recorded", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_of_case", "runs", ["case_id", "id"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.String(80), sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lost", sa.Integer, nullable=False, server_default="0"),
        sa.Column("chunks", sa.Integer, nullable=False, server_default="0"),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("worker", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id")),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    unfinished = sa.text("state <> 'done'")
    op.create_index(
        "jobs_open", "jobs", ["case_id", "role"], unique=True, sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_index("jobs_by_state", "jobs", ["state", "id"])
    op.create_table(
        "chunks",
        sa.Column("job_id", sa.Integer, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("stream", sa.String(8), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _people() -> None:
    op.create_table(
        "votes",
        sa.Column("case_id", sa.String(80), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("voter", sa.String(128), primary_key=True),
        sa.Column("worked", sa.Boolean, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("user", sa.String(80), sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )


def _sqlite() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE case_search USING fts5("
        "id UNINDEXED, title, failure, body, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4')"
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER runs_no_{verb.lower()} BEFORE {verb} ON runs "
            "BEGIN SELECT RAISE(ABORT, 'a recorded run is never changed'); END"
        )


def _postgresql() -> None:
    op.execute("ALTER TABLE cases ADD COLUMN search tsvector")
    op.execute("CREATE INDEX cases_search ON cases USING gin (search)")
    op.execute(
        "CREATE FUNCTION fixbook_keep_runs() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a recorded run is never changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER runs_no_change BEFORE UPDATE OR DELETE ON runs "
        "FOR EACH ROW EXECUTE FUNCTION fixbook_keep_runs()"
    )
