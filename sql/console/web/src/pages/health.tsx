import { EdgeLink } from "../parts/ends";
import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { many } from "../parts/units";
import { scope, state } from "../state";
import type { HealthAnswer } from "../types";

/** Least health, colour and word, as the map has them. */
const STEPS: [number, string, string][] = [[90, "good", "good"], [70, "warn", "fair"], [40, "warn", "poor"], [0, "bad", "bad"]];
const MOST = 100;

export function Health() {
  const found = usePolled<HealthAnswer>("health", { ...scope.value, ends: state.value.ends, limit: MOST });
  return (
    <Said of={found}>
      {(answer) => (
        <>
          <p class="lead">
            {said(answer)}
          </p>
          {answer.edges.length === 0 ? <Nothing healthy={answer.healthy_edges} /> : (
            <ol class="worst">
              {answer.edges.map((edge) => (
                <li key={`${edge.client}|${edge.server}`}>
                  <Score value={edge.health} />
                  <div>
                    <EdgeLink client={edge.client} server={edge.server} />
                    <p>{edge.sentence}</p>
                  </div>
                </li>
              ))}
            </ol>
          )}
        </>
      )}
    </Said>
  );
}

function said({ edges, healthy_edges: others }: HealthAnswer): string {
  if (edges.length === MOST) return `The ${MOST} worst edges; ${many(others, "other")}.`;
  const well = `${many(others, "edge")} with nothing wrong.`;
  return edges.length === 0 ? well : `${many(edges.length, "edge")} with something wrong, the worst first. ${well}`;
}

function Score({ value }: { value: number }) {
  const [, tone, word] = STEPS.find(([least]) => value >= least) ?? STEPS[3]!;
  return <span class={`score ${tone}`} title="Health: 100 is nothing wrong, 0 is broken"><b>{Math.round(value)}</b> {word}</span>;
}

function Nothing({ healthy }: { healthy: number }) {
  return (
    <Empty>
      <p>{healthy > 0 ? "Nothing is wrong in this range." : "No traffic was seen in this range: choose a longer one, or remove filters."}</p>
    </Empty>
  );
}
