"""The codemod of `asterion migrate`: from the bytes of a file to a plan.

Laws: everything in here is pure (files are read and written by the command); a name is changed only where it is certain
what it means, and everything else is a note for a human eye; what was migrated once is not changed again.
"""
