"""Run by alembic: hands the open connection and the models to the migrations."""

from alembic import context

from parkwacht_api.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
