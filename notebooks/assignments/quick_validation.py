"""Spare nbformat a slow import: load this before it.

The grammar that `rfc3987_syntax` builds on import takes longer than most notebooks. `jsonschema`
does without it: it is for checking international addresses, which notebooks have not.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
