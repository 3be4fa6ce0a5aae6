import { EdgeLink } from "../parts/ends";
import { usePolled } from "../parts/polled";
import { Empty, Said } from "../parts/said";
import { many } from "../parts/units";
import { scope } from "../state";
import type { HealthAnswer } from "../types";

/** As the map's colours have it. */
const BAD = 50;
const FAIR = 80;

export function Health() {
  const found = usePolled<HealthAnswer>("health", scope.value);
  return (
    <Said of={found}>
      {(answer) => (
        <>
          <p class="lead">
            {answer.edges.length === 0 ? "" : `${many(answer.edges.length, "edge")} with something wrong, the worst first. `}
            {many(answer.healthy_edges, "edge")} with nothing wrong.
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

function Score({ value }: { value: number }) {
  const [tone, word] = value < BAD ? ["bad", "bad"] : value < FAIR ? ["warn", "fair"] : ["good", "good"];
  return <span class={`score ${tone}`} title="Health: 100 is nothing wrong, 0 is broken"><b>{Math.round(value)}</b> {word}</span>;
}

function Nothing({ healthy }: { healthy: number }) {
  return (
    <Empty>
      <p>{healthy > 0 ? "Nothing is wrong in this range." : "No traffic was seen in this range: choose a longer one, or remove filters."}</p>
    </Empty>
  );
}
