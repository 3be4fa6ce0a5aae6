"""The parts of the page that need no browser, by Node's own test runner."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.browser import made_up

HERE = Path(__file__).parent / "units"
ESBUILD = Path("sql/console/web/node_modules/.bin/esbuild").resolve()


def test_the_map_without_a_browser(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(made_up.map_answer(120, 700)))
    bundle = tmp_path / "map.test.mjs"
    alias = f"--alias:made-up-answer={tmp_path / 'answer.json'}"
    how = ["--bundle", "--platform=node", "--format=esm", "--log-level=warning"]
    made = [str(ESBUILD), str(HERE / "map.test.ts"), *how, alias, f"--outfile={bundle}"]
    subprocess.run(made, check=True, timeout=60)
    ran = subprocess.run(
        ["node", "--test", bundle], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# pass 0" not in ran.stdout
