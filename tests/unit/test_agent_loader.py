"""What keeps programs from being loaded or pinned is told in one sentence with the way out."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from agent import libbpf, loader, pins, probe, programs
from agent.errors import HostError, ProbeError


def test_missing_kernel_headers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(release="no-such-kernel"))
    with pytest.raises(HostError, match=r"/lib/modules/no-such-kernel/build.*apt-get install"):
        loader._check_headers()


def test_the_other_bcc_of_pypi_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcc", types.ModuleType("bcc"))
    with pytest.raises(HostError, match="pip uninstall bcc"):
        loader._import_bcc()


def loader_runs(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Another program in the loader's place, with the same arguments."""
    real = subprocess.run

    def run(command: list[str], **options: object) -> object:
        return real([sys.executable, "-c", code, *command[4:]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)


def test_a_loader_that_dies_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    loader_runs(monkeypatch, "import sys; sys.exit('no such luck')")
    with pytest.raises(ProbeError, match=r"status 1 \(no such luck\).*flowatlas doctor"):
        loader.load([], node_wide=False, way="maps")


def test_the_verifiers_first_line_is_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = '{"reason": "ProbeError", "sentence": "refused"}'
    send = f"socket.socket(fileno=int(sys.argv[1])).send({answer.encode()!r})"
    loader_runs(monkeypatch, f"import socket, sys; sys.stderr.write('R1 !read\\nx'); {send}")
    with pytest.raises(ProbeError, match=r"^refused \(it says: R1 !read\)$"):
        loader.load([], node_wide=False, way="maps")


def test_a_missing_libbpf_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("cannot open shared object file")

    libbpf.library.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", refuse)
    with pytest.raises(HostError, match="apt-get install libbpf1"):
        libbpf.library()


def test_a_pin_directory_that_is_on_no_bpf_file_system_is_named(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("none / ext4 rw 0 0\n")
    with pytest.raises(HostError, match=r"not on a BPF file system.*mount -t bpf.*--pins"):
        pins.ensure_bpffs(tmp_path / "pins", mounts)


def test_a_pin_directory_below_a_mounted_bpf_file_system_is_taken(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / ext4 rw 0 0\nbpf {tmp_path} bpf rw 0 0\n")
    pins.ensure_bpffs(tmp_path / "pins", mounts)


def test_other_text_settings_scope_or_walk_are_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(
        cgroup: str = "", ring_bytes: int = 4096, names: bool = True, way: str = "maps"
    ) -> str:
        made = probe.Probe(cgroup, 5.0, ring_bytes, names)
        made._way = way
        return made._version()

    plain = version()
    others = {version("/a"), version(ring_bytes=8192), version(names=False), version(way="files")}
    monkeypatch.setattr(programs, "text", lambda: "")
    others.add(version())
    assert len(others | {plain}) == 6
    assert probe.Probe("/b", 1.0, 4096)._version() == version("/a"), "interval: a setting in a map"
