(place, kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod', concat('namespace:', place, namespace),
    kind = 'service', concat('namespace:', place, splitByChar('/', service)[1]),
    kind = 'node', concat('node:', place),
    $id_outside
)
