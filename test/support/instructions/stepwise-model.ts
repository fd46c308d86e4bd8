import { expect } from '@jest/globals';
import { bash, say } from '../messages-api/replies.js';
import type { ModelRequest } from '../messages-api/requests.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';
import { type Instruction, type InstructionsClient, seqsOf, range } from './instructions-client.js';

/** @returns a prompt that takes `steps` tool calls of `seconds` each */
export function stepwisePrompt(name: string, steps: number, seconds: number): string {
  return `Task ${name} of ${steps} steps of ${seconds} s.`;
}

const PROMPT = /Task (\S+) of (\d+) steps of ([\d.]+) s\./g;

/**
 * Answers prompts made by {@link stepwisePrompt} from the conversation alone. A prompt or a step that runs twice shows in
 * {@link requests}.
 */
export class StepwiseModel {
  /** Requests for each state of each task: `<task> <steps done>` to count. */
  readonly requests = new Map<string, number>();

  constructor(model: ScriptedModel) {
    model.replyByDefault((request) => {
      const { name, steps, seconds, done } = stateOf(request);
      const state = `${name} ${done}`;
      this.requests.set(state, (this.requests.get(state) ?? 0) + 1);
      return done < steps ? bash(`sleep ${seconds}; echo ${state}`) : say(`${name} is done`);
    });
  }
}

function stateOf({ body }: ModelRequest): { name: string; steps: number; seconds: number; done: number } {
  const contents = body.messages
    .filter(({ role }) => role === 'user')
    .flatMap(({ content }) => (typeof content === 'string' ? [{ type: 'text', text: content }] : content));
  const texts = contents.map(({ text }) => text ?? '').join('\n');
  const [, name = '?', steps = '0', seconds = '0'] = [...texts.matchAll(PROMPT)].at(-1) ?? [];
  return {
    name,
    steps: Number(steps),
    seconds: Number(seconds),
    done: contents.filter(({ type }) => type === 'tool_result').length,
  };
}

/** The types of the events of such a task, in order. */
function eventTypesOf(steps: number): string[] {
  return ['system', ...Array.from({ length: steps }, () => ['assistant', 'user']).flat(), 'assistant', 'result'];
}

export interface StepwiseTask {
  name: string;
  steps: number;
  /** Id of the instruction. */
  id: string;
}

/** Expects that the task ran once to its end, with every event stored once. */
export async function expectCompleteRun(
  instructions: InstructionsClient,
  { name, steps, id }: StepwiseTask,
  model: StepwiseModel,
): Promise<Instruction> {
  const ended = await instructions.waitForEnd(id, 240_000);
  expect({ name, status: ended.status, reason: ended.statusReason, result: ended.result }).toEqual({
    name,
    status: 'succeeded',
    reason: null,
    result: `${name} is done`,
  });
  const requests = range(steps, 0).map((done) => model.requests.get(`${name} ${done}`));
  expect({ name, requests }).toEqual({ name, requests: requests.map(() => 1) });
  const events = await instructions.events(id);
  expect(seqsOf(events)).toEqual(range(ended.lastSeq));
  expect(new Set(events.map(({ event }) => event['uuid'])).size).toBe(events.length);
  // Progress events of long tool calls depend on the load of the machine.
  const relevant = events.filter(({ event }) => event.type !== 'system' || event.subtype === 'init');
  expect(relevant.map(({ event }) => event.type)).toEqual(eventTypesOf(steps));
  return ended;
}
