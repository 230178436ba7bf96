/** Proof that a device said two things in one place: told where it matters, and saved as a file that convicts it anywhere. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ProofView } from "@skein/peer/keeping-out";
import { copy } from "../copy.ts";
import { Refusal } from "./banner.tsx";
import { useDoor, useOrder, useQuestion } from "./door-context.ts";
import { Icon } from "./icons.tsx";
import { saveFile } from "./save-file.ts";

/** All that there are, with what each is about. */
export function Proofs({ forks }: { readonly forks: number }): JSX.Element | null {
  const { repositories } = useDoor().views;
  const question = useQuestion("proofs", {}, forks);
  const proofs = question.phase === "answered" ? question.answer.proofs : [];
  if (proofs.length === 0) return null;
  const nameOf = (id: string | undefined): string | undefined =>
    repositories.value.find((repository) => repository.id === id)?.name;
  return (
    <section class="section">
      <h2>{copy.proofs.title}</h2>
      <p class="quiet small">{copy.proofs.text}</p>
      <ul class="card node-list" data-testid="proofs">
        {proofs.map((proof) => (
          <li key={`${proof.node} ${proof.repository} ${proof.number}`}>
            <span class="node-avatar">
              <Icon name="warning" />
            </span>
            <div>
              <strong>{proof.nodeName}</strong>
              <p class="small quiet">
                {proof.repository === undefined
                  ? copy.proofs.entry(proof.number)
                  : copy.proofs.record(nameOf(proof.repository), proof.number)}
              </p>
            </div>
            <span class="node-end">
              <button
                type="button"
                class="button"
                aria-label={`${copy.proofs.save}: ${proof.nodeName}`}
                onClick={() => save(proof)}
              >
                {copy.proofs.save}
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Where a fork is told: what convicts this node in this repository, if it is here. */
export function SaveProof({
  node,
  repository,
}: {
  readonly node: string;
  readonly repository: string;
}): JSX.Element {
  const order = useOrder("proofs");
  const [isMissing, setMissing] = useState(false);
  const give = async (): Promise<void> => {
    const outcome = await order.give({});
    if (outcome?.ok !== true) return;
    const found = outcome.value.proofs.filter(
      (proof) => proof.node === node && proof.repository === repository,
    );
    setMissing(found.length === 0);
    for (const proof of found) save(proof);
  };
  return (
    <>
      <div class="button-row">
        <button type="button" class="button" disabled={order.busy} onClick={() => void give()}>
          {copy.proofs.save}
        </button>
      </div>
      {isMissing && <p class="hint">{copy.proofs.missing}</p>}
      <Refusal refused={order.refused} />
    </>
  );
}

function save({ file, nodeName, number }: ProofView): void {
  saveFile(file, `${nodeName.replaceAll(/[^\p{L}\p{N}]+/gu, "-")}-${number}.proof`);
}
