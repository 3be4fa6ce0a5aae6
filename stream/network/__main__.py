"""`flowatlas network`: the account's network as a file, for streams that may not ask EC2."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import click

from stream.network import ec2, file
from stream.network.model import Cidr


class CidrType(click.ParamType):
    name = "cidr"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Cidr:
        try:
            return ip_network(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("network", help="Print the account's network, as EC2 describes it, as JSON.")
@click.option("--region", required=True, help="Region of the cluster.")
@click.option("--vpc", default="", help="The cluster's VPC; needed where there are several.")
@click.option(
    "--on-prem",
    multiple=True,
    type=CidrType(),
    help="A range of the site's own, public ones included; without any, all private ranges "
    "outside of the VPCs are.",
)
@click.option("--endpoint-url", help="Another EC2 API, for trying out.")
def command(region: str, vpc: str, on_prem: tuple[Cidr, ...], endpoint_url: str | None) -> None:
    network = ec2.collect(region, vpc, endpoint_url)
    click.echo(file.dump(replace(network, on_prem=on_prem)), nl=False)


if __name__ == "__main__":
    command()
