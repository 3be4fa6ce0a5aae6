"""deploy/clickhouse: files that parse, with settings that the engine has."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sql.client import connect
from sql.server.users import CHANGEABLE_BY_READERS
from tests.integration.clickhouse import embedded

pytestmark = pytest.mark.integration

DIRECTORY = Path(__file__).parents[2] / "deploy" / "clickhouse"
USERS = ElementTree.parse(DIRECTORY / "users.d" / "flowatlas.xml").getroot()
CONFIG = ElementTree.parse(DIRECTORY / "config.d" / "flowatlas.xml").getroot()


def test_every_setting_of_a_profile_is_one(tmp_path: Path) -> None:
    profiles = USERS.find("profiles")
    assert profiles is not None
    asked = {
        setting.tag
        for profile in profiles
        for setting in (*profile, *profile.findall("constraints/*"))
        if setting.tag != "constraints"
    }
    servers = {one.tag for one in CONFIG if one.tag.startswith("max_")}
    with embedded(tmp_path) as there, connect(replace(there, database="default")) as client:
        known = {row[0] for row in client.query("SELECT name FROM system.settings").result_rows}
        query = "SELECT name FROM system.server_settings"
        of_server = {row[0] for row in client.query(query).result_rows}
    assert asked <= known
    assert servers
    assert servers <= of_server


def test_a_reader_changes_no_more_than_with_the_embedded_server() -> None:
    profile = USERS.find("profiles/flowatlas_reader")
    assert profile is not None
    assert profile.findtext("readonly") == "1"
    changeable = [
        one.tag
        for one in profile.findall("constraints/*")
        if one.find("changeable_in_readonly") is not None
    ]
    assert all(name.startswith(CHANGEABLE_BY_READERS) for name in changeable)


def test_no_user_is_without_a_password_or_a_profile() -> None:
    users = USERS.find("users")
    assert users is not None
    compose = (DIRECTORY.parents[1] / "docker-compose.yml").read_text()
    profiles = {"default", *(profile.tag for profile in USERS.findall("profiles/*"))}
    for user in users:
        if user.get("remove") == "1":
            continue
        password = user.find("password")
        assert password is not None
        assert re.search(rf"\n      {password.get('from_env')}: ", compose)
        assert user.findtext("profile") in profiles
    assert {user.tag for user in users} == {"default", "flowatlas", "reader"}
