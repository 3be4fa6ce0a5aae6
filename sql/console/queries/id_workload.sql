(kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod', concat('workload:', namespace, '/', workload),
    kind = 'service', concat('service:', service),
    kind = 'node', 'node:',
    $id_outside
)
