import { describe, expect, it } from '@jest/globals';
import { CreateCredentialDto } from '../credentials/credential.dto.js';
import { StrictValidationPipe } from '../http/validation/validation.js';
import { CreateApiKeyDto } from '../auth/api-keys/api-key.dto.js';
import { CreateProjectDto, UpdateProjectDto } from '../auth/projects/project.dto.js';
import { CreateUserDto, UpdateUserDto } from '../auth/users/user.dto.js';
import { isDisplayName } from '../http/validation/display-name.js';

const USER = { email: 'ada@example.org', name: 'Ada' };
const CREDENTIAL = { name: 'c', kind: 'git_https_token', host: 'git.example.org', value: 'a-token-of-git' };
/** Each field that is shown to others as a name. */
const FIELDS: [new () => object, object, string][] = [
  [CreateApiKeyDto, {}, 'name'],
  [CreateCredentialDto, CREDENTIAL, 'name'],
  [CreateProjectDto, {}, 'name'],
  [UpdateProjectDto, {}, 'name'],
  [CreateUserDto, USER, 'name'],
  [CreateUserDto, USER, 'email'],
  [UpdateUserDto, {}, 'name'],
  [UpdateUserDto, {}, 'email'],
];
const REFUSED: [string, unknown][] = [
  ['empty', ''],
  ['a space', ' '],
  ['a tab', '\t'],
  ['spaces of other kinds', '\u00a0\u2003\u3000'],
  ['nothing to see', '\u200b\u2060\ufeff'],
  ['a letter that is drawn as a space', '\u3164'],
  ['two lines', 'ada@example.org\nroot'],
  ['a final line break', 'ada@example.org\n'],
  ['a carriage return', 'a\rb'],
  ['a line separator', 'a\u2028b'],
  ['NUL', 'a\0b'],
  ['an escape sequence', '\u001b[2Ja'],
  ['a C1 control', 'a\u0085b'],
  ['text from right to left', 'a\u202eb'],
  ['a number', 7],
  ['a list', ['a']],
];
const through = (metatype: new () => object, body: object): Promise<unknown> =>
  new StrictValidationPipe().transform(body, { type: 'body', metatype });

describe('a name that others see', () => {
  describe.each(FIELDS)('of %p with %j, in %s', (metatype, rest, field) => {
    it.each(REFUSED)('is refused with its field when it is %s', async (_, value) => {
      await expect(through(metatype, { ...rest, [field]: value })).rejects.toMatchObject({
        code: 'validation_failed',
        fields: [{ field }],
      });
    });
  });

  // Bodies with half of a surrogate pair are refused before they are validated.
  it('is no half of a surrogate pair', () => {
    expect(isDisplayName('a\ud800')).toBe(false);
  });

  it.each(['Ada Lovelace', 'Zoë', '李', 'a', "O'Neil <ops> #1", '🙂', 'नमस्ते'])('may be %s', async (name) => {
    await expect(through(CreateUserDto, { ...USER, name })).resolves.toMatchObject({ name });
    await expect(through(CreateApiKeyDto, { name })).resolves.toMatchObject({ name });
  });
});
