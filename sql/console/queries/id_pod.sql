(kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod' AND pod != '', concat('pod:', namespace, '/', pod),
    kind = 'pod', concat('workload:', namespace, '/', workload),
    kind = 'service', concat('service:', service),
    kind = 'node', concat('node:', node),
    $id_outside
)
