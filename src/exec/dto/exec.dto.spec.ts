import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../../http/validation/validation.js';
import { ExecDto } from './exec.dto.js';

const validate = (body: object): Promise<unknown> =>
  new StrictValidationPipe().transform(body, { type: 'body', metatype: ExecDto });

describe('the command of an exec request', () => {
  it('is a list of a program and its arguments', async () => {
    await expect(validate({ command: ['ls', '-la', ''] })).resolves.toMatchObject({ command: ['ls', '-la', ''] });
  });

  it.each<[unknown, string]>([
    [
      'ls -la',
      'command must be a list of the program and its arguments, such as ["ls", "-la"]; for a line of shell, ["sh", "-c", "ls | wc -l"]',
    ],
    [[], 'command must be a list of 1 to 1000 texts'],
    [Array(1_001).fill('x'), 'command must be a list of 1 to 1000 texts'],
    [['ls', 1], 'each value in command must be text, of well-formed Unicode without NUL'],
    [['a\0b'], 'each value in command must be text, of well-formed Unicode without NUL'],
  ])('is refused as %j with the form that is expected, and nothing else', async (command, message) => {
    await expect(validate({ command })).rejects.toMatchObject({ fields: [{ field: 'command', messages: [message] }] });
  });
});
