import { instant, parseStreamId, type StreamId } from "@skein/protocol/ids";
import { streamsPerSessionMax, streamWindowBytes } from "@skein/protocol/limits";
import { step } from "@skein/protocol/machine";
import type { StreamRequest } from "@skein/protocol/node-messages/stream-open";
import { expect, test } from "vitest";
import {
  nextStream,
  streamsBetween,
  type StreamMessage,
  type StreamsEffect,
  type StreamsEvent,
} from "./streams.ts";

type Untimed = StreamsEvent extends infer E ? (E extends unknown ? Omit<E, "now"> : never) : never;

const request: StreamRequest = { type: "entries", heads: [] };

/** Alice's machine, told one thing after another. */
class Play {
  readonly machine = streamsBetween({ opens: "odd", start: 0 });
  state = this.machine.initial;
  now = 0;

  tell(event: Untimed): ReadonlyArray<StreamsEffect> {
    const [next, effects] = step(this.machine, this.state, { ...event, now: instant(this.now) });
    this.state = next;
    return effects.filter(({ type }) => type !== "wake-at");
  }

  hear(message: StreamMessage): ReadonlyArray<StreamsEffect> {
    return this.tell({ type: "message-received", message });
  }

  /** Opens a stream that Bob offers so many bytes of. */
  receive(bytes: number): StreamId {
    const stream = nextStream(this.state);
    this.tell({ type: "opened-here", stream, request, bytesMax: 10_000_000 });
    this.hear({ type: "stream-offer", stream, bytes, objects: 1 });
    return stream;
  }
}

function up(): Play {
  const play = new Play();
  play.tell({ type: "session-up" });
  return play;
}

function theirs(number: number): StreamId {
  const stream = parseStreamId(number * 2);
  if (stream === undefined) throw new Error("a number");
  return stream;
}

function sends(effects: ReadonlyArray<StreamsEffect>): ReadonlyArray<StreamMessage> {
  return effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
}

test("who sends more than it announced is let go of", () => {
  const play = up();
  const stream = play.receive(100);
  const effects = play.hear({ type: "stream-chunk", stream, offset: 99, bytes: new Uint8Array(2) });
  expect(effects).toContainEqual({ type: "failed", stream, why: "misbehaved" });
  expect(play.state.receiving.size).toBe(0);
});

test("what comes beyond the window was not asked for, and is not kept", () => {
  const play = up();
  const stream = play.receive(5_000_000);
  expect(
    play.hear({
      type: "stream-chunk",
      stream,
      offset: streamWindowBytes,
      bytes: new Uint8Array(10),
    }),
  ).toEqual([]);
  expect(play.state.receiving.get(stream)).toMatchObject({ have: 0, pieces: [] });
});

test("of more questions than are answered at once, the one that was silent longest makes room", () => {
  const play = up();
  for (let number = 1; number <= streamsPerSessionMax; number++) {
    play.now = number;
    play.hear({ type: "stream-open", stream: theirs(number), request });
  }
  play.now += 1;
  play.hear({ type: "stream-open", stream: theirs(1), request });
  const effects = play.hear({ type: "stream-open", stream: theirs(100), request });
  expect(effects).toEqual([
    { type: "drop-source", stream: theirs(2) },
    { type: "start-source", stream: theirs(100), request },
  ]);
  expect(play.state.sending.size).toBe(streamsPerSessionMax);
});

test("streams are read in turns, and only a few pieces ahead", () => {
  const play = up();
  play.tell({ type: "no-room" });
  for (const number of [1, 2]) {
    const stream = theirs(number);
    play.hear({ type: "stream-open", stream, request });
    play.tell({ type: "source-ready", stream, bytes: 1_000_000, objects: 1 });
    play.hear({ type: "stream-grant", stream, from: 0, until: 500_000 });
  }
  const reads = play
    .tell({ type: "room" })
    .flatMap((effect) => (effect.type === "read-source" ? [effect.stream] : []));
  expect(reads).toEqual([theirs(1), theirs(2), theirs(1), theirs(2)]);
});

test("a session that comes back is told at once what is missing, and nothing else", () => {
  const play = up();
  const stream = play.receive(100);
  const asked = nextStream(play.state);
  play.tell({ type: "opened-here", stream: asked, request, bytesMax: 1 });
  play.hear({ type: "stream-chunk", stream, offset: 0, bytes: new Uint8Array(30) });
  play.hear({ type: "stream-chunk", stream, offset: 60, bytes: new Uint8Array(40) });
  expect(sends(play.tell({ type: "session-lost" }))).toEqual([]);
  play.now = 100;
  expect(sends(play.tell({ type: "session-up" }))).toEqual([
    { type: "stream-grant", stream, from: 30, until: 60 },
    { type: "stream-open", stream: asked, request },
  ]);
});

test("what is found after nobody waits for it any more is dropped again", () => {
  const play = up();
  const stream = theirs(1);
  play.hear({ type: "stream-open", stream, request });
  expect(play.hear({ type: "stream-reset", stream, reason: "cancelled" })).toEqual([
    { type: "drop-source", stream },
  ]);
  expect(play.tell({ type: "source-ready", stream, bytes: 1, objects: 1 })).toEqual([
    { type: "drop-source", stream },
  ]);
  expect(sends(play.hear({ type: "stream-open", stream, request }))).toEqual([
    { type: "stream-reset", stream, reason: "not-here" },
  ]);
});
