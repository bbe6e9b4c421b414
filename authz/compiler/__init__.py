"""Text to compiled definitions: personas, apps and people, or every error with file, line and column.

Two steps: `written` is what the author said, in closed models; what is compiled is `authz.core`. Pure: bytes
come in as `SourceFile`; which files there are is the business of `authz.stores.definitions`.
"""

from authz.compiler.compilation import CASES_SUFFIX, Compiled, Progress, compile_set
from authz.compiler.problem import DefinitionsError, Problem
from authz.compiler.source import SourceFile
from authz.compiler.testcases import Case
from authz.core.app import Place

__all__ = [
    "CASES_SUFFIX",
    "Case",
    "Compiled",
    "DefinitionsError",
    "Place",
    "Problem",
    "Progress",
    "SourceFile",
    "compile_set",
]
