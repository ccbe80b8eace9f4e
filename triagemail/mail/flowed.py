"""Text of `format=flowed` with its soft line breaks undone (RFC 3676)."""

from __future__ import annotations


def unflow(text: str, delsp: bool = False) -> str:
    """Lines that end in a space are joined with the next of the same quote depth; quotes come out as `> ` per level.
    Linear.

    `delsp`: the space at a soft break goes too (scripts that write without spaces). The signature line `-- ` is never
    flowed (4.3).
    """
    out: list[str] = []
    run: list[str] = []
    run_depth = 0
    for line in text.split("\n"):
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")  # space-stuffing, 4.4
        if run and (depth != run_depth or body == "-- "):
            out.append(_quoted("".join(run), run_depth))
            run = []
        if body.endswith(" ") and body != "-- ":
            run.append(body[:-1] if delsp else body)
            run_depth = depth
            continue
        out.append(_quoted("".join([*run, body]), depth))
        run = []
    if run:
        out.append(_quoted("".join(run), run_depth))
    return "\n".join(out)


def _quoted(text: str, depth: int) -> str:
    return "> " * depth + text if depth else text
