(place, kind, namespace, workload, pod, service, node, dns_name) -> multiIf(
    kind = 'pod' AND pod != '', concat('pod:', place, namespace, '/', pod),
    kind = 'pod', concat('workload:', place, namespace, '/', workload),
    kind = 'service', concat('service:', place, service),
    kind = 'node', concat('node:', place, node),
    $id_outside
)
