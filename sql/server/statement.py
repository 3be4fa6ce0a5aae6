"""What a statement is, judged on the engine's own rendering of it, never on the client's text.

The engine parses the text and writes it back: one statement, no comments, keywords in capitals,
strings in single quotes, odd identifiers in backticks. That rendering is checked, and that
rendering is run, so the check and the engine cannot disagree on what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sql.server.errors import QueryError

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_FORMAT = re.compile(r" FORMAT (\w+|'[^']*')(?= SETTINGS |$)")  # quoted: FORMAT `Null`
_CLIENT_SIDE = re.compile(r"\b(INTO OUTFILE|FROM INFILE)\b")
# What no privilege of the engine guards: the scalar `file`, chDB's `python`, programs, own disks.
_UNGUARDED = re.compile(r"\b(file|python|executable|executablepool|disk)\(", re.IGNORECASE)
_OUTWARD_SETTINGS = frozenset(
    (
        "format_avro_schema_registry_url",
        "format_schema",
        "format_template_resultset",
        "format_template_row",
        "input_format_record_errors_file_path",
        "output_format_schema",
        "rename_files_after_processing",
    )
)
"""What reads or writes the file, or asks the server, that it names."""
_SETTING = re.compile(rf"\b({'|'.join(sorted(_OUTWARD_SETTINGS))}) =")
_ENGINE = re.compile(r"\bENGINE = (\S*?)(?=[\s(]|$)")
_ENGINES = re.compile(
    r"(Replicated)?(\w+)?MergeTree|(Materialized)?View|Memory|Log|TinyLog|StripeLog|Null|Set|Join"
    r"|Buffer|Merge|Dictionary|Distributed|Alias|Atomic|Lazy|Replicated"
)
"""Of tables and databases, those that stay within the data directory."""
_TOKEN = re.compile(
    # \Z: what is not closed yet goes to the end, and is not looked through again from within
    rb"""\s+ | --[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) | '(?:[^'\\]|\\.|'')*(?:'|\Z)
    | `(?:[^`\\]|\\.|``)*(?:`|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) | \w+ | .""",
    re.VERBOSE | re.DOTALL,
)
_BLANKS_AND_A_NEWLINE = re.compile(rb"[ \t\f\r]*\n?")

READING = frozenset(("SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS", "CHECK"))


@dataclass(frozen=True)
class Statement:
    """One statement as the engine writes it, and the format that it names itself, if any."""

    sql: str
    kind: str
    format: str | None

    @property
    def reads(self) -> bool:
        """Whether the statement answers with rows and changes nothing."""
        return self.kind in READING

    @property
    def streams(self) -> bool:
        """Whether the answer can be large: only SELECTs."""
        return self.kind in ("SELECT", "WITH")

    def into_file(self, path: str, default_format: str, compression: str) -> str:
        """The SELECT with its result going to a file, compressed by the engine."""
        head, tail = self._around_format()
        target = f"INTO OUTFILE '{path}' TRUNCATE COMPRESSION '{compression}'"
        return f"{head} {target}{tail or f' FORMAT {default_format}'}"

    def without_format(self) -> str:
        """The INSERT as the engine wants it before data comes in pieces."""
        head, _ = self._around_format()
        return head

    def _around_format(self) -> tuple[str, str]:
        found = _FORMAT.search(_masked(self.sql))
        end = found.start() if found else len(self.sql)
        return self.sql[:end], self.sql[end:]


def inspect(rendered: str) -> Statement:
    """The statement of the engine's rendering. Refuses what would reach outside the engine."""
    masked = _masked(rendered)
    if found := _CLIENT_SIDE.search(masked):
        raise QueryError(344, "SUPPORT_IS_DISABLED", f"{found[0]} is not allowed over HTTP.")
    if found := _UNGUARDED.search(masked):
        raise QueryError(497, "ACCESS_DENIED", f"Function {found[1]} is not allowed here.")
    if found := _SETTING.search(masked):
        refuse_outward((found[1],))
    if masked.startswith(("CREATE", "ATTACH", "REPLACE")):
        for engine in _ENGINE.findall(masked):
            if not _ENGINES.fullmatch(engine):
                raise QueryError(497, "ACCESS_DENIED", f"Engine {engine} is not allowed here.")
    if masked.startswith(("CREATE TEMPORARY", "CREATE OR REPLACE TEMPORARY")):
        raise QueryError(48, "NOT_IMPLEMENTED", "Temporary tables are not kept by this server.")
    format_ = _FORMAT.search(masked)
    name = rendered[slice(*format_.span(1))].strip("`") if format_ else None
    return Statement(rendered, masked.split(None, 1)[0].lstrip("("), name)


def refuse_outward(settings: Iterable[str]) -> None:
    """Raises QueryError (497) if one of these settings reaches outside the engine."""
    for name in settings:
        if name in _OUTWARD_SETTINGS:
            raise QueryError(497, "ACCESS_DENIED", f"Setting {name} is not allowed here.")


def data_offset(text: bytes) -> int | None:
    """Where the data of an INSERT begins in `text`; None if the text holds (or ends in) no data.

    Only places the cut: what stands before it still goes through the engine's parser.
    """
    depth = 0
    words: list[bytes] = []
    for token in _TOKEN.finditer(text):
        piece = token[0]
        depth += (piece == b"(") - (piece == b")")
        if depth or not piece[:1].isalpha():
            continue
        word = piece.upper()
        if not words and word != b"INSERT":
            return None
        if len(words) > 2 and word in (b"SELECT", b"WITH"):
            return None
        if len(words) > 2 and word == b"VALUES":
            return token.end()
        if len(words) > 2 and words[-1] == b"FORMAT" and token.end() < len(text):
            return _BLANKS_AND_A_NEWLINE.match(text, token.end()).end()  # type: ignore[union-attr]
        words.append(word)
    return None


def _masked(rendered: str) -> str:
    """The rendering with what stands in quotes blanked out, every position kept."""
    return _QUOTED.sub(lambda quoted: "'" + " " * (len(quoted[0]) - 2) + "'", rendered)
