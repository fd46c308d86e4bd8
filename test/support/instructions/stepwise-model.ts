import { expect } from '@jest/globals';
import { bash, say } from '../messages-api/replies.js';
import type { ModelRequest } from '../messages-api/requests.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';
import { type Instruction, type InstructionsClient, seqsOf, range } from './instructions-client.js';

/** A prompt that takes so many calls of a tool, each of which takes so long. */
export function stepwisePrompt(name: string, steps: number, seconds: number): string {
  return `Task ${name} of ${steps} steps of ${seconds} s.`;
}

const PROMPT = /Task (\S+) of (\d+) steps of ([\d.]+) s\./g;

/**
 * Plays prompts made by {@link stepwisePrompt}. What it says follows from the conversation alone, so a prompt that runs twice,
 * or a step that is asked for twice, shows in the number of its turns.
 */
export class StepwiseModel {
  /** How often each state of each task was asked for: `<task> <steps done>`. */
  readonly asked = new Map<string, number>();

  constructor(model: ScriptedModel) {
    model.replyByDefault((request) => {
      const { name, steps, seconds, done } = stateOf(request);
      const state = `${name} ${done}`;
      this.asked.set(state, (this.asked.get(state) ?? 0) + 1);
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

/** The kinds of events that such a task has, in order. */
function eventTypesOf(steps: number): string[] {
  return ['system', ...Array.from({ length: steps }, () => ['assistant', 'user']).flat(), 'assistant', 'result'];
}

export interface StepwiseTask {
  name: string;
  steps: number;
  /** Of the instruction. */
  id: string;
}

/** It ran once, to its end, and every event of it is there once. */
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
  const asked = range(steps, 0).map((done) => model.asked.get(`${name} ${done}`));
  expect({ name, asked }).toEqual({ name, asked: asked.map(() => 1) });
  const events = await instructions.events(id);
  expect(seqsOf(events)).toEqual(range(ended.lastSeq));
  expect(new Set(events.map(({ event }) => event['uuid'])).size).toBe(events.length);
  // What the CLI tells of tools that take long depends on how busy the machine is.
  const told = events.filter(({ event }) => event.type !== 'system' || event.subtype === 'init');
  expect(told.map(({ event }) => event.type)).toEqual(eventTypesOf(steps));
  return ended;
}
