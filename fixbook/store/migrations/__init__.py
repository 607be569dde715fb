"""The revisions of the database's schema, run by `fixbook.store.open_store`."""
