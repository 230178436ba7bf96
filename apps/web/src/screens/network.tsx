/** Who is reachable, and how: a row for each node of the account, and the relays. */

import type { JSX } from "preact";
import type { NetworkNodeView } from "@skein/peer/views";
import { copy } from "../copy.ts";
import { formatAgo } from "../format.ts";
import { now, useDoor } from "../parts/door-context.ts";
import { iconOf } from "../parts/approval.tsx";
import { Icon } from "../parts/icons.tsx";
import { Empty } from "../parts/pieces.tsx";
import { Relays } from "./relays.tsx";

export function Network(): JSX.Element {
  const { nodes } = useDoor().views.network.value;
  const others = nodes.filter(({ whose }) => whose === "mine");
  return (
    <>
      <div class="page-head">
        <h1>{copy.network.title}</h1>
      </div>
      <section class="section">
        <h2>{copy.network.nodes}</h2>
        <div class="card">
          <table class="node-table">
            <thead>
              <tr>
                {Object.entries(copy.network.columns).map(([key, title]) => (
                  <th key={key} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {nodes.map((node) => (
                <NodeRow key={node.node} node={node} />
              ))}
            </tbody>
          </table>
        </div>
        {others.length === 0 && (
          <Empty icon="devices" title={copy.network.alone}>
            <p>{copy.network.aloneText}</p>
          </Empty>
        )}
      </section>
      <Relays />
    </>
  );
}

function NodeRow({ node }: { readonly node: NetworkNodeView }): JSX.Element {
  const { columns } = copy.network;
  const mine = node.whose === "mine";
  return (
    <tr>
      <th scope="row">
        <span class="node-name">
          <span class="node-avatar">
            <Icon name={iconOf(node.platform)} />
          </span>
          <span>
            {node.name}
            <small>{node.platform}</small>
          </span>
        </span>
      </th>
      <td data-label={columns.whose}>{mine ? copy.network.mine : copy.network.thisDevice}</td>
      <td data-label={columns.role}>{copy.role[node.role]}</td>
      <td data-label={columns.path}>{mine ? <Path path={node.path} /> : <Nothing />}</td>
      <td data-label={columns.trip}>
        {node.path.kind !== "none" && node.path.roundTripMillis !== undefined ? (
          copy.network.millis(node.path.roundTripMillis)
        ) : (
          <Nothing />
        )}
      </td>
      <td data-label={columns.lacking}>{mine ? <Lacking node={node} /> : <Nothing />}</td>
    </tr>
  );
}

function Path({ path }: { readonly path: NetworkNodeView["path"] }): JSX.Element {
  if (path.kind === "none")
    return (
      <span class="quiet">
        {copy.network.notConnected}
        <small>
          {path.lastSeen === undefined
            ? copy.network.never
            : copy.network.lastSeen(formatAgo(path.lastSeen, now.value))}
        </small>
      </span>
    );
  return (
    <span>
      <span class="path-kind">
        <span class="dot" data-tone={path.kind === "direct" ? "good" : "warn"} />
        <span data-testid="path-kind">{path.kind}</span>
      </span>
      <small>{copy.network.pathHint[path.kind]}</small>
    </span>
  );
}

function Lacking({ node }: { readonly node: NetworkNodeView }): JSX.Element {
  const { repositories } = useDoor().views;
  const nameOf = (id: string): string =>
    repositories.value.find((repository) => repository.id === id)?.name ?? id.slice(0, 8);
  if (node.lacking.length === 0) return <span class="quiet">{copy.network.nothing}</span>;
  return (
    <ul>
      {node.lacking.map(({ repository, records }) => (
        <li key={repository}>{copy.network.lacking(records, nameOf(repository))}</li>
      ))}
    </ul>
  );
}

function Nothing(): JSX.Element {
  return <span class="quiet">–</span>;
}
