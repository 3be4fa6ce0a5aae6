"""Named queries: the questions that people come with, each a file of sql/queries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources

from clickhouse_connect.driver import Client

from sql.errors import UnknownQuestionError

PARAMETER = re.compile(r"^-- parameter: (\w+) = (.*?) \((.*)\)$", re.MULTILINE)
QUESTION = re.compile(r"^-- question: (.*)$", re.MULTILINE)
SHOWN_AS = re.compile(r"^-- format: (\w+)$", re.MULTILINE)
FORMAT = "PrettyCompactMonoBlock"


@dataclass(frozen=True)
class Parameter:
    """A value that a query takes, always given as text; ClickHouse checks its type."""

    name: str
    default: str
    about: str


@dataclass(frozen=True)
class Question:
    """A query, what it answers, what it takes, and the format that shows it best."""

    name: str
    question: str
    text: str = field(repr=False)
    parameters: tuple[Parameter, ...]
    output: str = FORMAT

    def values(self, **given: str) -> dict[str, str]:
        """Of all its parameters, the defaults where none is given. Raises UnknownQuestionError for
        one that it does not take."""
        values = {parameter.name: parameter.default for parameter in self.parameters}
        if unknown := sorted(set(given) - set(values)):
            raise UnknownQuestionError(
                f"{self.name} takes no {', '.join(unknown)}; "
                f"it takes {', '.join(values) or 'nothing'}."
            )
        return values | given


def questions() -> list[Question]:
    """All named queries, by name."""
    files = resources.files("sql").joinpath("queries").iterdir()
    found = [
        _question(file.name[:-4], file.read_text()) for file in files if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda question: question.name)


NOTHING = "nothing in that time"


def run(client: Client, name: str, output: str = "", colour: bool = False, **given: str) -> str:
    """The answer to a named query as text in a ClickHouse output format, its own unless told.

    Raises UnknownQuestionError for a name or parameter that there is not, and what
    clickhouse-connect raises.
    """
    question = find(name)
    values = question.values(**given)
    answer = show(client, question.text, output or question.output, colour, values)
    return NOTHING if not answer and not output else answer


def show(
    client: Client,
    statement: str,
    output: str = FORMAT,
    colour: bool = False,
    parameters: dict[str, str] | None = None,
) -> str:
    """The result of any statement as text; `output` gives way to the statement's own FORMAT."""
    settings = {
        "output_format_pretty_color": int(colour),
        "output_format_pretty_row_numbers": 0,
        "output_format_pretty_max_value_width": 80,
    }
    answer = client.raw_query(
        statement,
        parameters=parameters,
        settings=settings,
        transport_settings={"X-ClickHouse-Format": output},
    )
    return bytes(answer).decode(errors="replace").rstrip("\n")


def find(name: str) -> Question:
    """The query of that name. Raises UnknownQuestionError."""
    by_name = {question.name: question for question in questions()}
    if name not in by_name:
        raise UnknownQuestionError(f"no question is called {name}; there are {', '.join(by_name)}.")
    return by_name[name]


def _question(name: str, text: str) -> Question:
    parameters = tuple(Parameter(*found) for found in PARAMETER.findall(text))
    question, shown_as = QUESTION.search(text), SHOWN_AS.search(text)
    return Question(
        name,
        question.group(1) if question else name,
        text,
        parameters,
        shown_as.group(1) if shown_as else FORMAT,
    )
