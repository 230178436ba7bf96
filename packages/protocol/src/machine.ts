/**
 * Machines: pure state, told facts, answering with orders.
 *
 * A machine owns no socket, no timer and no clock. Its table is the whole of its behaviour:
 * a (phase, event) pair that is not in the table is against the protocol, and `otherwise` says so.
 */

interface Phase {
  readonly phase: string;
}

interface Typed {
  readonly type: string;
}

export type Step<State, Effect> = readonly [next: State, effects: ReadonlyArray<Effect>];

type InPhase<State, P> = Extract<State, { readonly phase: P }>;
type OfType<Event, T> = Extract<Event, { readonly type: T }>;

/** Every phase by name, and in each phase the events it answers to. */
export type Table<State extends Phase, Event extends Typed, Effect> = {
  readonly [P in State["phase"]]: {
    readonly [T in Event["type"]]?: (
      state: InPhase<State, P>,
      event: OfType<Event, T>,
    ) => Step<State, Effect>;
  };
};

export interface Machine<State extends Phase, Event extends Typed, Effect> {
  readonly initial: State;
  readonly table: Table<State, Event, Effect>;
  readonly otherwise: (state: State, event: Event) => Step<State, Effect>;
}

/** Moves the machine by one event. */
export function step<State extends Phase, Event extends Typed, Effect>(
  machine: Machine<State, Event, Effect>,
  state: State,
  event: Event,
): Step<State, Effect> {
  const phase: State["phase"] = state.phase;
  const type: Event["type"] = event.type;
  const answer = machine.table[phase][type] as
    | ((state: State, event: Event) => Step<State, Effect>)
    | undefined;
  return (answer ?? machine.otherwise)(state, event);
}

/** Lists the table as `phase : event` lines, from which docs/machines is drawn: the picture cannot disagree with the code. */
export function edges<State extends Phase, Event extends Typed, Effect>(
  machine: Machine<State, Event, Effect>,
): ReadonlyArray<string> {
  return Object.entries(machine.table).flatMap(([phase, answers]) =>
    Object.keys(answers as object).map((type) => `${phase} : ${type}`),
  );
}
