import type { EndId } from "../types";

/** Words for kinds of ends and for ways, in one place. */
const KINDS: Record<string, string> = {
  pod: "pod", node: "node", service: "Service", aws_service: "AWS service", internet: "internet",
  on_prem: "on-prem", unknown: "unknown", others: "others", workload: "workload", namespace: "namespace",
};
const WAYS: Record<string, string> = {
  same_zone: "same zone", cross_zone: "cross zone", cross_region: "cross region", nat: "NAT gateway",
  gateway_endpoint: "gateway endpoint", interface_endpoint: "interface endpoint", aws_public: "AWS, public",
  internet: "internet", on_prem: "on-prem", unknown: "unknown",
};

export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

/** "nat>internet" is "NAT gateway → internet". */
export function pathName(path: string): string {
  return path.split(">").map((way) => WAYS[way] ?? way).join(" → ");
}

export function endKind(id: EndId): string {
  return kindName(id.slice(0, id.indexOf(":")));
}

/** What an end is called where only its id is known. */
export function endName(id: EndId): string {
  const name = id.slice(id.indexOf(":") + 1);
  if (!name || name.endsWith("/")) return name + endKind(id); // the hosts of a cluster are "blue/node"
  return id.startsWith("others:") ? `others in ${name}` : name;
}
