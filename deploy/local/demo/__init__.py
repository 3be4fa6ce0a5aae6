"""A small shop on three nodes in three zones, for trying flowatlas out on one machine.

`shop` tells the story and is the place to begin reading; `cluster.DemoCluster` makes it happen.
Everything lives in network namespaces on a fabric without an uplink.
"""
