/** Counts and sizes for Prometheus, in its text format 0.0.4. No label holds anything that came from outside. */

import type { Report } from "./station.ts";

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

type Family = (
  name: string,
  kind: "gauge" | "counter",
  ...said: readonly [words: string, rows: number | ReadonlyMap<string, number>]
) => void;

type Counts = Pick<Report, "holds" | "did">;

export function formatMetrics({ holds, did, process: own }: Report): string {
  const lines: string[] = [];
  const family: Family = (name, kind, ...[words, rows]) => {
    const full = `skein_${name}`;
    lines.push(`# HELP ${full} ${words}`, `# TYPE ${full} ${kind}`);
    if (typeof rows === "number") lines.push(`${full} ${rows}`);
    else for (const [label, value] of rows) lines.push(`${full}{${label}} ${value}`);
  };
  family("connections", "gauge", "Connections that stand.", holds.connections);
  family("tags", "gauge", "Tags somebody subscribes to.", holds.tags);
  family("readers", "gauge", "Their readers.", holds.readers);
  family("announcements", "gauge", "Announcements held.", holds.announcements);
  family("addresses", "gauge", "Addresses with connections or debts.", holds.addresses);
  family("backlog_bytes", "gauge", "Bytes that wait for readers.", holds.backlogBytes);
  const half = holds.halfReceivedBytes;
  family("half_received_bytes", "gauge", "Bytes of messages that have not come whole.", half);
  const waiting = holds.waitingSenders;
  family("waiting_senders", "gauge", "Senders whose message waits for its turn.", waiting);
  family("kept_frames", "gauge", "Frames that wait for readers who are away.", holds.keptFrames);
  family("kept_bytes", "gauge", "Their bytes.", holds.keptBytes);
  family("accepted_total", "counter", "Connections since the start.", did.connections);
  family("upgrades_refused_total", "counter", "Upgrades refused.", did.upgradesRefused);
  family("frames_total", "counter", "Frames taken.", byKind(did.publishes, did.bulks));
  family("frame_bytes_total", "counter", "Their bytes.", byKind(did.publishBytes, did.bulkBytes));
  family("delivered_total", "counter", "Messages delivered, the relay's own too.", did.delivered);
  family("delivered_bytes_total", "counter", "Their bytes.", did.deliveredBytes);
  family("waited_total", "counter", "Publications that waited for their turn.", did.waited);
  family("bulk_left_out_total", "counter", "Bulk left out for slow readers.", did.bulkLeftOut);
  family("announces_total", "counter", "Announcements.", did.announces);
  family("lookups_total", "counter", "Lookups, those of announcements too.", did.lookups);
  family("subscribes_total", "counter", "Subscribe frames.", did.subscribes);
  family("kept_total", "counter", "Frames kept for readers who were away.", did.kept);
  family("git_answers_total", "counter", "Questions to git hosts.", did.gitAnswers);
  family("git_bytes_total", "counter", "Bytes of their answers.", did.gitBytes);
  addHttp(family, { holds, did });
  family("refused_total", "counter", "Frames refused.", labelled("reason", did.refused));
  family(
    "closed_total",
    "counter",
    "Connections closed by the relay.",
    labelled("code", did.closed),
  );
  addBackplane(family, { holds, did });
  family("memory_bytes", "gauge", "Resident memory.", own.memoryBytes);
  family(
    "loop_lag_milliseconds",
    "gauge",
    "How late the event loop is, p99 of 10 s.",
    own.lagMillis,
  );
  family("uptime_seconds", "gauge", "Since the start.", own.uptimeSeconds);
  return `${lines.join("\n")}\n`;
}

function addHttp(family: Family, { holds, did }: Counts): void {
  family("http_answers_total", "counter", "Answers over HTTP.", did.httpAnswers);
  family("http_bytes_total", "counter", "Bytes of their bodies.", did.httpBytes);
  family("http_refused_total", "counter", "Of these, refusals of addresses.", did.httpRefused);
  family("http_cut_total", "counter", "Sockets cut that took no answer.", did.httpCut);
  family("http_answers_waiting", "gauge", "Answers over HTTP under way.", holds.answers);
  family("other_sockets", "gauge", "Sockets that are not connections.", holds.otherSockets);
}

function addBackplane(family: Family, { holds, did }: Counts): void {
  family("backplane_up", "gauge", "Whether the engine between relays is there.", holds.backplaneUp);
  family("backplane_relays", "gauge", "Other relays heard lately.", holds.relays);
  const asking = holds.neighbourQuestions;
  family("backplane_owners", "gauge", "Their connections that announce.", holds.neighbourOwners);
  family("backplane_questions", "gauge", "Askers who wait for what they know.", asking);
  const unsent = { away: did.backplaneLeftOut, unwanted: did.backplaneSpared };
  family("backplane_unsent_total", "counter", "Records not sent.", labelled("why", unsent));
  const [sentBytes, heardBytes] = [did.backplaneSentBytes, did.backplaneHeardBytes];
  family("backplane_sent_total", "counter", "Batches sent to other relays.", did.backplaneSent);
  const sentWords = "Bytes sent to them, what relays say of themselves too.";
  family("backplane_sent_bytes_total", "counter", sentWords, sentBytes);
  family("backplane_heard_total", "counter", "Records heard of other relays.", did.backplaneHeard);
  family("backplane_heard_bytes_total", "counter", "Bytes heard of them, the same.", heardBytes);
}

function byKind(publish: number, bulk: number): ReadonlyMap<string, number> {
  return new Map([
    ['kind="publish"', publish],
    ['kind="bulk"', bulk],
  ]);
}

function labelled(
  name: string,
  counts: Readonly<Record<string, number>>,
): ReadonlyMap<string, number> {
  return new Map(Object.entries(counts).map(([key, value]) => [`${name}="${key}"`, value]));
}
