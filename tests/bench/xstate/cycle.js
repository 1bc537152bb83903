// The weighing cycle for XState 5. Each line on stdin, "<variant> <cycles>", is answered with the seconds it took.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { assign, createActor, setup } from "xstate";

const actions = { remember: assign({ last: ({ event }) => event.value }) };
const guards = { hasUid: ({ event }) => event.uid != null, isEnough: ({ event }) => event.value >= 10 };
const build = (config) => setup({ actions, guards }).createMachine({ context: { last: 0 }, ...config });

const line = {
  initial: "idle",
  states: {
    idle: { on: { card: { target: "measuring", guard: "hasUid" } } },
    measuring: { on: { weight: [{ target: "saving", guard: "isEnough" }, { actions: "remember" }] } },
    saving: { on: { committed: "saved" } },
    saved: { on: { lifted: "idle" } },
  },
};

const machines = {
  flat: build(line),
  nested: build({
    initial: "working",
    states: {
      working: {
        initial: "weighing",
        states: {
          weighing: {
            initial: "idle",
            on: { weight: { actions: "remember" } },
            states: {
              idle: { id: "idle", on: { card: { target: "measuring", guard: "hasUid" } } },
              measuring: { on: { weight: { target: "#saving", guard: "isEnough" } } },
            },
          },
          recording: {
            initial: "saving",
            states: {
              saving: { id: "saving", on: { committed: "saved" } },
              saved: { on: { lifted: "#idle" } },
            },
          },
        },
      },
    },
  }),
  parallel: build({ type: "parallel", states: { line_1: line, line_2: line, line_3: line, line_4: line } }),
};

const ends = {
  flat: "idle",
  nested: { working: { weighing: "idle" } },
  parallel: { line_1: "idle", line_2: "idle", line_3: "idle", line_4: "idle" },
};

const actors = Object.fromEntries(
  Object.entries(machines).map(([name, machine]) => [name, createActor(machine).start()]),
);

function cycle(actor) {
  actor.send({ type: "card", uid: "04A1" });
  for (let value = 1; value <= 8; value++) actor.send({ type: "weight", value });
  for (let value = 1; value <= 8; value++) actor.send({ type: "weight", value });
  actor.send({ type: "weight", value: 12 });
  actor.send({ type: "committed" });
  actor.send({ type: "lifted" });
}

function run(variant, cycles) {
  const actor = actors[variant];
  const started = process.hrtime.bigint();
  for (let number = 0; number < cycles; number++) cycle(actor);
  const took = Number(process.hrtime.bigint() - started) / 1e9;
  const { context, value } = actor.getSnapshot();
  const ended = JSON.stringify([value, context.last]);
  if (ended !== JSON.stringify([ends[variant], 8])) throw new Error(`${variant} ended in ${ended}`);
  return took;
}

const { version } = createRequire(import.meta.url)("xstate/package.json");
console.log(`XState ${version}, node ${process.versions.node}`);
for await (const request of createInterface({ input: process.stdin })) {
  const [variant, cycles] = request.split(" ");
  console.log(run(variant, Number(cycles)));
}
