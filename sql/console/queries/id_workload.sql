(place, kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod', concat('workload:', place, namespace, '/', workload),
    kind = 'service', concat('service:', place, service),
    kind = 'node', concat('node:', place),
    $id_outside
)
