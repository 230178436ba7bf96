/** The commands that hand out what others can judge for themselves: the membership log, and proofs of forks. */

import { formatProof, judgeProof } from "@skein/auth/equivocation";
import { formatLogFile } from "@skein/auth/explain";
import type { MembershipLog } from "@skein/auth/membership";
import type { Bytes } from "@skein/protocol/bytes";
import { openHomeOf, type CommandTable, type CommandWorld } from "./command-world.ts";
import type { ProofView } from "./keeping-out.ts";

export function evidenceCommands(world: CommandWorld): Pick<CommandTable, "log-file" | "proofs"> {
  const { ledger, ports } = world;
  return {
    "log-file": async () => ({ file: fileOf(formatLogFile(openHomeOf(world).identity.log)) }),
    proofs: async () => {
      const home = openHomeOf(world);
      const { identity, repositories } = home;
      const ofRecords = repositories.all().map(({ id }) => ledger.readProofs(id));
      const kept = [...ofEntries(identity.log), ...(await Promise.all(ofRecords)).flat()];
      return {
        proofs: kept.flatMap((bytes): ReadonlyArray<ProofView> => {
          const proof = judgeProof(ports.crypto, bytes);
          if (proof === undefined) return [];
          const { node, number } = proof;
          const repository = proof.of === "record" ? proof.repo : undefined;
          return [{ node, nodeName: home.nameOf(node), repository, number, file: fileOf(bytes) }];
        }),
      };
    },
  };
}

function ofEntries(log: MembershipLog): ReadonlyArray<Bytes> {
  const signers = new Map(log.signers().map((signer) => [signer.node, signer]));
  return log.state().equivocations.flatMap(({ node, first, second }) => {
    const signer = signers.get(node);
    if (signer === undefined) return [];
    const { sign, box } = signer;
    return [formatProof({ of: "entry", sign, box, first, second })];
  });
}

function fileOf(bytes: Bytes): Blob {
  return new Blob([bytes], { type: "application/octet-stream" });
}
