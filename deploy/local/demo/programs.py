"""The programs of the shop: servers and clients that Debian packages, none of them ours.

They run in the run's directory, where `www/` holds files named by their size in bytes.
Clients repeat for ever; a pause is in seconds.
"""

import shlex
from collections.abc import Iterable

from deploy.local.demo.model import Program

PACKAGES = {
    "curl": "curl",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nft": "nftables",
    "nginx": "nginx",
    "nsenter": "util-linux",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
}
"""Debian package of every program that the demo cluster runs."""

FILE_SIZES = (2_000, 20_000, 100_000, 500_000)
"""Bytes of the files that are served and uploaded."""

_CURL = "curl --silent --max-time 8 --output /dev/null"


def web_server(config: str = "web.conf", port: int = 80) -> Program:
    return Program("nginx", ("nginx", "-p", "./", "-c", config, "-e", "stderr"), port)


def redis_server() -> Program:
    """Redis that keeps nothing on disk and lets every pod in."""
    options = "--save '' --appendonly no --protected-mode no --bind * -::*"
    return Program("redis", ("redis-server", *shlex.split(options)), 6379)


def dns_server() -> Program:
    return Program(
        "dnsmasq",
        (
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=dnsmasq.conf",
            "--user=root",
            "--pid-file",
        ),
        53,
    )


def fetch(name: str, *urls: str, pause: float) -> Program:
    """Fetches the URLs one after the other, with a fresh look-up and connection each time."""
    return _repeat(name, [f"{_CURL} {url}" for url in urls], pause)


def upload(name: str, url: str, size: int, pause: float) -> Program:
    return _repeat(name, [f"{_CURL} --upload-file www/{size} {url}"], pause)


def stream_of_fetches(name: str, url: str, per_second: int) -> Program:
    """Fetches the URL at a steady rate over one connection that stays open."""
    request = f"{_CURL} --max-time 0 --rate {per_second}/s {shlex.quote(url + '?[1-1000000]')}"
    return _repeat(name, [request], pause=1)


def redis_commands(name: str, server: str, command: str, pause: float) -> Program:
    """Sends Redis the command over one connection that stays open."""
    return _repeat(name, [f"redis-cli -h {server} -r -1 -i {pause} {command} >/dev/null"], pause=1)


def probe(addresses: Iterable[str]) -> Program:
    """The kubelet's part: asks every server on its node whether it is well."""
    return fetch("kubelet", *(f"http://{address}/2000" for address in addresses), pause=5)


def _repeat(name: str, commands: list[str], pause: float) -> Program:
    return Program(name, ("sh", "-c", f"while :; do {'; '.join(commands)}; sleep {pause}; done"))
