import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { StrictValidationPipe } from '../../../http/validation/validation.js';
import { CreateInstructionDto } from './create-instruction.dto.js';
import { InstructionEventsQuery, ListInstructionsQuery } from './instructions.query.js';
import { MAX_PROMPT_BYTES } from './rules/prompt.js';

const pipe = new StrictValidationPipe();
const body = (value: object): Promise<unknown> =>
  Promise.resolve(pipe.transform(value, { type: 'body', metatype: CreateInstructionDto }));
const query = (value: object, metatype: new () => object): Promise<unknown> =>
  Promise.resolve(pipe.transform(value, { type: 'query', metatype }));
const refusedFields = async (value: object): Promise<string[]> => {
  const error: unknown = await body(value).catch((thrown: unknown) => thrown);
  return (error as { fields: { field: string }[] }).fields.map(({ field }) => field);
};

describe('CreateInstructionDto', () => {
  it('requires the prompt only', async () => {
    await expect(body({ prompt: 'p' })).resolves.toEqual({ prompt: 'p', continue: false, startIfStopped: false });
    await expect(refusedFields({})).resolves.toEqual(['prompt']);
  });

  it('accepts every property', async () => {
    const full = {
      prompt: 'p',
      sessionId: randomUUID(),
      continue: false,
      model: 'claude-opus-4[1m]',
      maxTurns: 1,
      maxBudgetUsd: 0.01,
      timeoutSeconds: 1,
      startIfStopped: true,
    };
    await expect(body(full)).resolves.toEqual(full);
    await expect(body({ prompt: 'p', sessionId: null, continue: true, model: null })).resolves.toMatchObject({
      continue: true,
    });
  });

  it.each<[string, unknown[], unknown[]]>([
    [
      'prompt',
      ['-', ' p ', 'x'.repeat(MAX_PROMPT_BYTES), 'ü'.repeat(MAX_PROMPT_BYTES / 2)],
      [
        '',
        ' \n',
        null,
        1,
        ['p'],
        'x'.repeat(MAX_PROMPT_BYTES + 1),
        'ü'.repeat(MAX_PROMPT_BYTES / 2 + 1),
        'a\0',
        '\ud800',
      ],
    ],
    ['sessionId', [randomUUID()], ['', 'x', '../../x', 5]],
    ['continue', [true, false], ['true', 0, null, '']],
    ['model', ['opus', 'a.b/c:d@e'], ['', '-x', '--model=x', 'a b', 'x'.repeat(201), 5]],
    ['maxTurns', [1, 100_000], [0, -1, 1.5, '5', 100_001]],
    ['maxBudgetUsd', [0.000_001, 5, 1_000_000], [0, -1, '5', 1_000_001]],
    ['timeoutSeconds', [1, 604_800], [0, 1.5, '60', 604_801]],
    ['startIfStopped', [true], ['true', 1, null]],
  ])('checks the limits of %s', async (field, allowed, refused) => {
    for (const value of allowed)
      await expect(body({ prompt: 'p', [field]: value })).resolves.toMatchObject({ [field]: value });
    for (const value of refused) await expect(refusedFields({ prompt: 'p', [field]: value })).resolves.toEqual([field]);
  });

  it('refuses continue together with sessionId', async () => {
    await expect(refusedFields({ prompt: 'p', sessionId: randomUUID(), continue: true })).resolves.toEqual([
      'continue',
    ]);
  });

  it.each(['permissionMode', 'cwd', 'env', 'args', 'ownerId'])('refuses the unknown property %s', async (name) => {
    await expect(refusedFields({ prompt: 'p', [name]: 'x' })).resolves.toEqual([name]);
  });
});

describe('queries of instructions', () => {
  it('parse numbers and booleans', async () => {
    await expect(query({}, ListInstructionsQuery)).resolves.toEqual({ limit: 50 });
    await expect(query({ limit: '5', cursor: '17', status: 'timed_out' }, ListInstructionsQuery)).resolves.toEqual({
      limit: 5,
      cursor: 17,
      status: 'timed_out',
    });
    await expect(query({}, InstructionEventsQuery)).resolves.toEqual({ after: 0, follow: false });
    await expect(query({ after: '7', follow: 'true' }, InstructionEventsQuery)).resolves.toEqual({
      after: 7,
      follow: true,
    });
  });

  it.each([
    { limit: '0' },
    { limit: '101' },
    { limit: '' },
    { cursor: 'x' },
    { cursor: '-1' },
    { cursor: '' },
    { status: 'done' },
  ])('of lists refuse %j', async (value) => {
    await expect(query(value, ListInstructionsQuery)).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it.each([{ after: '-1' }, { after: '' }, { after: '1.5' }, { after: '99999999999' }, { follow: '1' }])(
    'of events refuse %j',
    async (value) => {
      await expect(query(value, InstructionEventsQuery)).rejects.toMatchObject({ code: 'validation_failed' });
    },
  );
});
