"""The named queries' files, and what a user may get wrong about them."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from sql import ask
from sql.__main__ import ask_command, sql_command
from sql.errors import UnknownQuestionError


@pytest.mark.parametrize("question", ask.questions(), ids=lambda question: question.name)
def test_a_query_says_its_question_and_every_parameter(question: ask.Question) -> None:
    assert question.question.endswith("?")
    declared = [parameter.name for parameter in question.parameters]
    assert set(declared) == set(re.findall(r"\{(\w+):", question.text))


def test_the_founding_questions_have_names() -> None:
    names = {question.name for question in ask.questions()}
    assert {"s3", "aws", "slow", "top-senders", "internet", "cross-zone", "edges"} <= names
    assert {"failures", "drops", "coverage"} <= names


def test_without_a_name_the_questions_are_listed() -> None:
    result = CliRunner().invoke(ask_command, [])
    assert result.exit_code == 0
    assert "s3  Which services talk to S3 the most?" in result.output


def test_an_unknown_question_names_those_there_are() -> None:
    with pytest.raises(UnknownQuestionError, match="edges"):
        ask.run(None, "edgse")  # type: ignore[arg-type]


def test_an_unknown_parameter_names_those_there_are() -> None:
    with pytest.raises(UnknownQuestionError, match="minutes, limit"):
        ask.run(None, "edges", hours="3")  # type: ignore[arg-type]


def test_an_address_that_is_none_is_one_sentence() -> None:
    result = CliRunner().invoke(sql_command, ["SELECT 1", "--clickhouse-url", "clickhouse:8123"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: 'clickhouse:8123' is no URL: write --clickhouse-url")
