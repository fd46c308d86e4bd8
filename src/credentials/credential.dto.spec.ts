import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../http/validation/validation.js';
import { CreateCredentialDto } from './credential.dto.js';

const CANARY = 'canary-4711';
const valid = { name: 'n', kind: 'anthropic_api_key', value: CANARY };

describe('CreateCredentialDto', () => {
  const parse = (body: object): Promise<unknown> =>
    new StrictValidationPipe().transform(body, { type: 'body', metatype: CreateCredentialDto });

  it.each(['host', 'username', 'header', 'projectId'])('may be without %s, and not with null', async (field) => {
    await expect(parse(valid)).resolves.toEqual(valid);
    await expect(parse({ ...valid, [field]: null })).rejects.toMatchObject({ fields: [{ field }] });
  });

  it.each([
    ['name', ''],
    ['name', 'x'.repeat(101)],
    ['kind', CANARY],
    ['value', ''],
    ['value', [CANARY]],
    ['value', CANARY.repeat(6_000)],
    ['host', 'x'.repeat(261)],
    ['projectId', 'default'],
    [CANARY, 'x'],
  ])('names %s when it is %j, and repeats nothing of a value', async (field, content) => {
    const error = await parse({ ...valid, [field]: content }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'validation_failed', fields: [{ field }] });
    // The name of a property is no value.
    const text = JSON.stringify([error, String(error)]).replaceAll(field, 'FIELD');
    expect(text).not.toContain(CANARY);
  });
});
