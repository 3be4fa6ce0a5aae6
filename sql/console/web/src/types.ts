// What the API answers. The Python side has the same in sql/console/api/answers.py; a test holds the
// two together. Times are Unix seconds, sizes bytes, round trips microseconds, money USD, shares 0 to 1.
// null: nothing was measured.

/** What an end is called by on the map: "kind:name".
 *
 *  namespace:shop            ends=namespace
 *  workload:shop/cart        ends=workload, and of pods whose owner is unknown the pod
 *  pod:shop/cart-1           ends=pod
 *  node:                     hosts (ends=pod: node:ip-10-0-0-1)
 *  service:shop/web          a ClusterIP of which nothing tells the backend
 *  aws_service:S3            internet:api.example.com (or "internet:")   on_prem:…   unknown:…
 *  others:shop               what was folded together to keep the map readable
 *
 *  Of several clusters, none of which was asked for, namespaces and nodes are like cluster/namespace and
 *  cluster/node: workload:blue/shop/cart, node:blue/.
 */
export type EndId = string;
export type Grain = "namespace" | "workload" | "pod";
export type Kind = "pod" | "node" | "service" | "aws_service" | "internet" | "on_prem" | "unknown" | "others";

export interface Range {
  since: number;
  until: number;
  /** Length of the windows that were read: 10, 60 or 3600. */
  seconds: number;
}

/** What adds up, of an edge or an end, within a range. */
export interface Measures {
  bytes_to_server: number;
  bytes_to_client: number;
  packets_to_server: number;
  packets_to_client: number;
  connections_attempted: number;
  connections_established: number;
  /** By cause; connections_failed is refused + timed_out + reset + unreachable. */
  connections_failed: number;
  connections_refused: number;
  connections_timed_out: number;
  connections_reset: number;
  connections_unreachable: number;
  /** What the server alone sees, of attempts that its clients count as failed; not to be added to them. */
  connections_half_open: number;
  connections_handshake_reset: number;
  listen_overflows: number;
  resets: number;
  zero_windows: number;
  retransmitted_segments: number;
  /** Of the TCP segments sent by both ends; 0 to 1. */
  retransmit_rate: number | null;
  dropped_packets: number;
  rtt_p50: number | null;
  rtt_p95: number | null;
  connect_p95: number | null;
  cost_usd: number;
  unpriced_bytes: number;
  /** 0 (broken) to 100 (nothing wrong); the rule is in docs/console.md. */
  health: number;
}

export interface MapNode {
  id: EndId;
  kind: Kind;
  name: string;
  namespace: string;
  /** For boxes; "" where there is none or where there are several. */
  zone: string;
  node: string;
  bytes_sent: number;
  bytes_received: number;
  cost_usd: number;
  /** How many ends were folded into this one: 1 unless kind is others. */
  folded: number;
}

export interface MapEdge extends Measures {
  client: EndId;
  server: EndId;
  /** Of bytes_to_server + bytes_to_client, those between two zones. */
  cross_zone_bytes: number;
  /** Ways of the bytes: same_zone, cross_zone, nat>internet, … by name. */
  paths: string[];
  /** Nothing went between the two in the range of equal length before, though something did between others. */
  is_new: boolean;
  cost_usd_month: number;
}

export interface MapAnswer extends Range {
  ends: Grain;
  nodes: MapNode[];
  edges: MapEdge[];
  totals: { bytes: number; edges: number; nodes: number; cost_usd: number };
  /** What is not drawn one by one but summed up in "others"; null if all is. */
  folded: { nodes: number; edges: number; bytes: number; sentence: string } | null;
}

export interface Point {
  time: number;
  bytes_to_server: number;
  bytes_to_client: number;
  connections_attempted: number;
  connections_failed: number;
  connections_refused: number;
  connections_timed_out: number;
  connections_reset: number;
  connections_unreachable: number;
  connections_half_open: number;
  connections_handshake_reset: number;
  listen_overflows: number;
  retransmitted_segments: number;
  retransmit_rate: number | null;
  resets: number;
  dropped_packets: number;
  rtt_p50: number | null;
  rtt_p95: number | null;
  connect_p95: number | null;
  cost_usd: number;
}

/** GET /api/edge?client=&server= and GET /api/end?id= */
export interface PanelAnswer extends Range {
  /** Seconds from one point to the next. */
  step: number;
  now: Measures;
  /** The range of equal length before; null if nothing was seen. */
  before: Measures | null;
  /** The same range a week before. */
  last_week: Measures | null;
  /** One a step: where nothing was seen, nothing was sent and nothing measured. Live, as far as there is data. */
  points: Point[];
  drop_reasons: Record<string, number>;
  zone_pairs: { client_zone: string; server_zone: string; bytes: number; cost_usd: number; retransmit_rate: number | null }[];
  paths: { path: string; gateway: string; bytes: number; cost_usd: number }[];
  ports: { protocol: string; port: number; bytes: number }[];
  /** Only of /api/end: the other ends. */
  peers: { id: EndId; name: string; role: "client" | "server"; bytes: number; health: number }[];
}

/** GET /api/flows/cluster|aws|external and GET /api/conversations?client=&server= : a page of a table. */
export interface TableAnswer {
  columns: { name: string; title: string; unit: "" | "bytes" | "usd" | "us" | "share" | "count" | "time"; sortable: boolean }[];
  rows: (string | number | null)[][];
  /** Of all pages. */
  total: number;
  /** Ready to paste into any ClickHouse client: the statement with its values in it. */
  sql: string;
}

/** GET /api/health: the worst edges first. */
export interface HealthAnswer extends Range {
  edges: {
    client: EndId;
    server: EndId;
    health: number;
    /** "retransmits 4.1 %, was 0.02 %, began 14:32, only us-east-1a → us-east-1b" */
    sentence: string;
    now: Measures;
  }[];
  healthy_edges: number;
}

/** GET /api/costs */
export interface CostsAnswer extends Range {
  by_path: { path: string; bytes: number; cost_usd: number; cost_usd_month: number }[];
  by_namespace: { namespace: string; bytes: number; cost_usd: number; cost_usd_month: number }[];
  by_pair: { client: EndId; server: EndId; path: string; bytes: number; cost_usd: number; cost_usd_month: number }[];
  month: { begins: number; so_far_usd: number; forecast_usd: number; internet_flat_usd: number; internet_tiered_usd: number };
  savings: { finding: string; usd_a_month: number; change: string; seen: string; evidence: string }[];
  unpriced_bytes: number;
}

/** GET /api/changes: against the range of equal length before (since=before) or the same a week ago. */
export interface ChangesAnswer extends Range {
  against: "before" | "week";
  /** A sentence if there is nothing to compare with, "" otherwise. */
  note: string;
  changes: {
    change: "new" | "vanished" | "grown";
    client: EndId;
    server: EndId;
    port: number;
    protocol: string;
    bytes: number;
    bytes_before: number;
    connections: number;
    first_seen: number | null;
  }[];
}

/** GET /api/coverage */
export interface CoverageAnswer {
  /** Share of all bytes that the kernels counted which is in the tables; null before there are any. */
  covered: number | null;
  kernel_bytes: number;
  table_bytes: number;
  lost_bytes: number;
  dropped_bytes: number;
  missing_batches: number;
  nodes: { cluster: string; node: string; covered: number | null; verdict: string; kernel_bytes: number; table_bytes: number; lost_bytes: number; dropped_bytes: number; missing_batches: number; repeated_batches: number }[];
}

/** GET /api/timeline: what went on in each step of the range; steps without traffic are left out. */
export interface TimelineAnswer extends Range {
  /** Length of a step in seconds. */
  step: number;
  /** In order of time. */
  points: { time: number; bytes: number; connections_failed: number; retransmitted_segments: number }[];
}

/** GET /api/status: what can be chosen, and whether all is well. */
export interface StatusAnswer {
  version: string;
  /** Server's clock. */
  now: number;
  /** The newest window there is; null in an empty database. */
  newest: number | null;
  clusters: string[];
  namespaces: string[];
  zones: string[];
  kinds: string[];
  paths: string[];
  label_keys: string[];
}

/** GET /api/labels?key= : the values that a label had, by name. */
export interface LabelsAnswer {
  key: string;
  values: string[];
}

/** Every answer that is not 200. 422: a parameter is wrong; 503: ClickHouse is away. */
export interface ErrorAnswer {
  detail: string;
}
