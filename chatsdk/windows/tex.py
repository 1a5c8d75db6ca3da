"""Turns formulas in TeX into code, because Markdown would change their source."""

from __future__ import annotations

import re
from textwrap import dedent, indent

__all__ = ["tex_as_code"]

# Code comes first, because nothing in it is a formula; without an end it reaches to the end of the
# text. Then come characters with a backslash, formulas in lines of their own, and others. The
# longest formula has a limit, so that an opening without an end does not take long.
_FORMULA = re.compile(
    r"(?P<code>(?P<mark>`+(?!`)|~{3,})(?:.*?(?P=mark)(?!`)|.*)|\\[\\$`])"
    r"|^(?P<lead>[ \t]*)(?:\$\$(?P<dollars>.{1,4000}?)\$\$|\\\[(?P<brackets>.{1,4000}?)\\\])[ \t]*$"
    r"|\$\$(?P<inside>.{1,1000}?)\$\$"
    r"|\\\((?P<round>[^\n]{1,500}?)\\\)"
    # Not two prices: "$5 and $10". Nor two variables of a shell: "${HOME}/${USER}".
    r"|\$(?=\S)(?P<dollar>[^\n$]{0,499}?[^\s$\\])\$(?![0-9A-Z${])",
    re.DOTALL | re.MULTILINE,
)

# Marks of TeX, which words between two prices do not have.
_TEX = re.compile(r"[\\^_={}]")


def tex_as_code(text: str) -> str:
    r"""Return Markdown in which ``$$x$$``, ``\[x\]``, ``\(x\)`` and ``$x^2$`` are code.

    The windows cannot draw formulas. As code their source stays as it is and can be copied.
    """
    if "$" not in text and "\\" not in text:
        return text
    return _FORMULA.sub(_as_code, text)


def _as_code(formula: re.Match[str]) -> str:
    if formula["code"] is not None:
        return formula[0]
    if formula["lead"] is not None:
        lead = formula["lead"]
        source = dedent(formula["dollars"] or formula["brackets"]).strip()
        return indent(f"```math\n{source}\n```", lead, lambda line: True)
    source = formula["inside"] or formula["round"] or formula["dollar"]
    if formula["dollar"] is not None and not _TEX.search(source):
        return formula[0]
    source = " ".join(source.split())
    return f"`` {source} ``" if "`" in source else f"`{source}`"
