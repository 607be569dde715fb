"""Fixbook's own form of a case: a folder with `case.md` and, beside it, the script that shows the failure.

`case.md` is YAML front matter for what is short and Markdown sections for what is read. It is written by hand as well
as by `fixbook export`, so it is read strictly: an unknown key, an unknown section, a value of the wrong kind is an
error with its line. In the front matter every scalar is taken as it is spelled (`version: 0.20` is the text "0.20", and
never a number), and aliases are refused.

The round trip holds for every case: `loads(dumps(case), attachments(case)) == case`. A text that Markdown would change
(white space at its ends, a heading inside) is written in the front matter under the name of its field instead.
"""

from fixbook.casefile._errors import CaseFileError
from fixbook.casefile._folders import CASE_FILE, load_catalogue, read_case, write_case
from fixbook.casefile._read import loads
from fixbook.casefile._write import attachments, dumps

__all__ = ["CASE_FILE", "CaseFileError", "attachments", "dumps", "load_catalogue", "loads", "read_case", "write_case"]
