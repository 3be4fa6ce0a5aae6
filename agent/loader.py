"""Compiles the BPF programs and loads them into the kernel. The only importer of bcc.

bcc brings a whole compiler, 200 MB of it. So it lives in a process of its own, for the seconds that
it is needed: `python -m agent.loader` sends the descriptors of programs and maps over a Unix socket
(SCM_RIGHTS) and ends. They are the agent's then, and nothing is left behind if either is killed.
"""

from __future__ import annotations

import ctypes
import functools
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import libbpf, programs, tracing, walk
from agent.btf import Btf
from agent.errors import AgentError, HostError, ProbeError
from agent.tracing import Tracepoint

log = logging.getLogger(__name__)

_DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"
_COMPILING_SECONDS = 120
_LARGEST_MESSAGE = 65_536
_MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel
_REASONS: dict[str, type[AgentError]] = {kind.__name__: kind for kind in (HostError, ProbeError)}


@dataclass(frozen=True)
class Loaded:
    """Descriptors by name; the programs are attached nowhere yet. `way` is one of walk.WAYS."""

    programs: dict[str, int]
    maps: dict[str, int]
    way: str


def load(defines: Sequence[str], *, node_wide: bool, way: str) -> Loaded:
    """Compile with these `-D` flags and load; takes seconds. Raises HostError or ProbeError.

    node_wide: with the tracepoints that see all of the node. way: of walk.WAYS.
    """
    ours, childs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, childs:
        scope = "node" if node_wide else "subtree"
        command = [sys.executable, "-P", "-m", "agent.loader", str(childs.fileno()), scope, way]
        try:
            child = subprocess.run(
                [*command, *defines],
                pass_fds=[childs.fileno()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_COMPILING_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProbeError(
                f"compiling the BPF programs took more than {_COMPILING_SECONDS} s and was ended: "
                "give the agent more CPU and start it again"
            ) from error
        childs.close()
        message, descriptors, _, _ = socket.recv_fds(ours, _LARGEST_MESSAGE, _MOST_DESCRIPTORS)
    said = [line for line in child.stderr.splitlines() if line.strip()]
    for line in said:
        log.debug("loader said line=%s", line)
    if not message:
        raise ProbeError(
            f"the loader of the BPF programs ended with status {child.returncode} "
            f"({said[-1] if said else 'without a word'}): `flowatlas doctor` checks this host"
        )
    answer = json.loads(message)
    if "reason" in answer:
        detail = f" (it says: {said[0].strip()})" if said else ""
        raise _REASONS[answer["reason"]](answer["sentence"] + detail)
    received = iter(descriptors)
    return Loaded(
        programs=dict(zip(answer["programs"], received)),  # noqa: B905 - takes its part of them
        maps=dict(zip(answer["maps"], received)),  # noqa: B905
        way=way,
    )


def main(channel: int, scope: str, way: str, defines: list[str]) -> None:
    """The child: answer on the socket that was inherited as descriptor `channel`."""
    with socket.socket(fileno=channel) as answer:
        try:
            _check_headers()
            tracepoints = _tracepoints(node_wide=scope == "node")
            flags = [flag for each in tracepoints.values() for flag in each] + _walk_flags(way)
            bpf, lib = _compile(_import_bcc(), [*defines, *flags])
            loaded = {name: _load(bpf, name, kind, hook) for name, kind, hook in programs.HOOKS}
            for step in walk.WAYS[way]:
                loaded[step.program] = _load(bpf, step.program, step.kind, -1)
            for tracepoint in tracepoints:
                name = tracepoint.program
                loaded[name] = _load(bpf, name, libbpf.TRACEPOINT, -1)
            maps = _maps(bpf, lib)
        except AgentError as error:
            reason = {"reason": type(error).__name__, "sentence": error.message}
            answer.send(json.dumps(reason).encode())
            return
        names = {"programs": list(loaded), "maps": list(maps)}
        socket.send_fds(answer, [json.dumps(names).encode()], [*loaded.values(), *maps.values()])


def _tracepoints(*, node_wide: bool) -> dict[Tracepoint, list[str]]:
    """The tracepoints to attach and their compiler flags: those that this kernel has. They see all
    of the node, so an agent of a subtree takes only what it looks up by its own sockets."""
    if not tracing.mount():
        return {}
    chosen = tracing.TRACEPOINTS if node_wide else (tracing.SOCKET_ERROR,)
    found = {each: at for each in chosen if (at := tracing.offsets(each))}
    flags = {each: tracing.defines(each, at) for each, at in found.items()}
    if tracing.PACKET_DROPPED in flags:
        for member in ("head", "network_header"):
            offset = _kernel_types().offset("sk_buff", member)
            flags[tracing.PACKET_DROPPED].append(f"-DSKB_{member.upper()}={offset}")
        flags[tracing.PACKET_DROPPED].append(f"-DNO_LOSS={tracing.no_loss()}")
    return flags


def _walk_flags(way: str) -> list[str]:
    if way == "maps":
        return ["-DWALKS_FILES=0"]
    place = _kernel_types().offset("socket", "sk")
    return ["-DWALKS_FILES=1", f"-DSOCKET_SK={place}", f"-DKEYS_A_RUN={walk.KEYS_A_RUN}"]


@functools.cache
def _kernel_types() -> Btf:
    return Btf()


def _check_headers() -> None:
    release = os.uname().release
    if not Path(f"/lib/modules/{release}/build").exists():
        raise HostError(
            f"kernel headers are missing (/lib/modules/{release}/build): run "
            "`apt-get install linux-headers-amd64`, then `flowatlas doctor` for the link to make"
        )


def _import_bcc() -> Any:
    """Debian's python3-bpfcc is pure Python: any interpreter can load it from Debian's folder."""
    if _DEBIAN_PACKAGES not in sys.path:
        sys.path.append(_DEBIAN_PACKAGES)
    try:
        import bcc
    except (ImportError, OSError) as error:
        raise HostError(
            f"bcc cannot be loaded ({error}): run `apt-get install python3-bpfcc libbpfcc`"
        ) from error
    finally:
        sys.path.remove(_DEBIAN_PACKAGES)
    if not hasattr(bcc, "BPF"):
        raise HostError(
            "the module bcc is PyPI's package of that name, which is something else: "
            "run `pip uninstall bcc` and `apt-get install python3-bpfcc`"
        )
    return bcc


def _compile(bcc: Any, defines: list[str]) -> tuple[Any, Any]:
    try:
        return bcc.BPF(text=programs.text().encode(), cflags=defines), bcc.lib
    except Exception as error:
        raise ProbeError(
            f"the BPF programs do not compile on this host ({error}): "
            "`flowatlas doctor` checks the headers"
        ) from error


def _load(bpf: Any, name: str, kind: int, hook: int) -> int:
    try:
        return int(bpf.load_func(name.encode(), kind, attach_type=hook).fd)
    except Exception as error:
        raise ProbeError(
            f"the kernel's verifier refused {name}: {error}; Linux 5.15 or newer is needed"
        ) from error


def _maps(bpf: Any, lib: Any) -> dict[str, int]:
    """bcc's Python knows a map only by name, its library has the names."""
    lib.bpf_num_tables.argtypes = [ctypes.c_void_p]
    lib.bpf_table_name.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    lib.bpf_table_name.restype = ctypes.c_char_p
    names = [lib.bpf_table_name(bpf.module, at) for at in range(lib.bpf_num_tables(bpf.module))]
    return {name.decode(): lib.bpf_table_fd(bpf.module, name) for name in names}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
