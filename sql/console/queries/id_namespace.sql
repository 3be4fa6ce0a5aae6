(kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod', concat('namespace:', namespace),
    kind = 'service', concat('namespace:', splitByChar('/', service)[1]),
    kind = 'node', 'node:',
    $id_outside
)
