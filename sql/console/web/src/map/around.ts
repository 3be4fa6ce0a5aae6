import type { MapAnswer } from "../types";

/** An end, those that it talks to, and what goes on among them; the whole answer where it is not. */
export function around(answer: MapAnswer, id: string): MapAnswer {
  if (!id || !answer.nodes.some((node) => node.id === id)) return answer;
  const near = new Set([id]);
  for (const { client, server } of answer.edges) {
    if (client === id) near.add(server);
    if (server === id) near.add(client);
  }
  return {
    ...answer,
    nodes: answer.nodes.filter((node) => near.has(node.id)),
    edges: answer.edges.filter(({ client, server }) => near.has(client) && near.has(server)),
  };
}
