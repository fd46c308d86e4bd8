import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { containerRow } from '../../../test/support/rows.js';
import type { DomainEvents } from '../../events/domain-events.js';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { SiteDirectory } from './site-directory.js';

describe('SiteDirectory', () => {
  const web = containerRow({ name: 'web' });
  const elsewhere = containerRow({ name: 'hidden', projectId: '323e4567-e89b-42d3-a456-426614174000' });

  const newDirectory = () => {
    const asked: string[][] = [];
    const containers = {
      findByIdsOrNames: async (references: string[]) => {
        asked.push(references);
        return [web, elsewhere];
      },
    } as unknown as ContainersRepository;
    return { asked, directory: new SiteDirectory(containers, {} as DomainEvents, new FakeClock()) };
  };

  it('looks for host names that strangers make up by one query at a time', async () => {
    const { asked, directory } = newDirectory();
    const guesses = Array.from({ length: 100 }, (_, at) => directory.find(`guess-${at}`));
    const rows = [directory.find('web'), directory.find(web.id), directory.find(elsewhere.id)];
    await expect(Promise.all(rows)).resolves.toEqual([web, web, elsewhere]);
    await expect(Promise.all(guesses)).resolves.toEqual(guesses.map(() => null));
    expect(asked.map(({ length }) => length)).toEqual([103]);
  });

  it('finds by its name only what is in the default project, and looks for nothing that is no name', async () => {
    const { asked, directory } = newDirectory();
    await expect(directory.find('hidden')).resolves.toBeNull();
    for (const text of ['a.b', '-a', 'x'.repeat(64), 'UPPER']) await expect(directory.find(text)).resolves.toBeNull();
    expect(asked).toEqual([['hidden']]);
  });
});
