import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../http/validation/validation.js';
import { UpdateEgressDto } from './egress.dto.js';

describe('UpdateEgressDto', () => {
  const parse = (body: object): Promise<unknown> =>
    new StrictValidationPipe().transform(body, { type: 'body', metatype: UpdateEgressDto });

  it('takes hosts without ports for HTTPS alone', async () => {
    await expect(parse({})).resolves.toEqual({});
    await expect(
      parse({ egress: 'none', egressAllow: [{ host: '*.example.org' }], egressSets: ['git'] }),
    ).resolves.toEqual({ egress: 'none', egressAllow: [{ host: '*.example.org', ports: [443] }], egressSets: ['git'] });
  });

  it.each<[object, string]>([
    [{ egress: 'closed' }, 'egress'],
    [{ egress: null }, 'egress'],
    [{ egressSets: ['all'] }, 'egressSets'],
    [{ egressSets: ['git', 'git'] }, 'egressSets'],
    [{ egressSets: null }, 'egressSets'],
    [{ egressAllow: null }, 'egressAllow'],
    [{ egressAllow: Array.from({ length: 101 }, () => ({ host: 'a.example' })) }, 'egressAllow'],
    [{ egressAllow: [{ host: '*.10.0.0.1' }] }, 'egressAllow.0.host'],
    [{ egressAllow: [{}] }, 'egressAllow.0.host'],
    [{ egressAllow: [{ host: 'a.example', ports: [] }] }, 'egressAllow.0.ports'],
    [{ egressAllow: [{ host: 'a.example', ports: [0] }] }, 'egressAllow.0.ports'],
    [{ egressAllow: [{ host: 'a.example', ports: [65_536] }] }, 'egressAllow.0.ports'],
    [{ egressAllow: [{ host: 'a.example', ports: ['443'] }] }, 'egressAllow.0.ports'],
    [{ egressAllow: [{ host: 'a.example', ports: null }] }, 'egressAllow.0.ports'],
    [{ egressAllow: [{ host: 'a.example', scheme: 'https' }] }, 'egressAllow.0.scheme'],
  ])('refuses %j', async (body, field) => {
    await expect(parse(body)).rejects.toMatchObject({ code: 'validation_failed', fields: [{ field }] });
  });
});
