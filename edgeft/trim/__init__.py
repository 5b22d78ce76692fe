"""Trim: a checkpoint becomes a smaller one, with the tokens that its texts need.

The work is done with the packages of the extra [export], whose door checks for them.
"""

import edgeft.export as _export  # noqa: F401  which raises DependencyError where one is missing
