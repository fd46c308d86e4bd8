import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = 'src/persistence';
const READ = /^(find|list|get|of[A-Z]|page|progress|usage|kept|sum|activit)/;
const SCOPED = /: (Scope|HolderScope|ListQuery|InstructionListQuery|AuditQuery)\b/;
/** Who calls it has found what it is about in a scope. */
const AFTER_A_SCOPED_READ = 'after a scoped read';
const BY_WHOM_IT_IS = 'of a person or a credential, which belong to no project';
const FOR_WORKERS = 'for work that no caller asked for';

/** Reads without a scope, and why. */
const UNSCOPED: Record<string, string> = {
  'containers.findByIdsOrNames': 'host names of sites, before it is known who asks',
  'containers.listAll': FOR_WORKERS,
  'containers.listScheduled': FOR_WORKERS,
  'containers.listStoppingByThemselves': FOR_WORKERS,
  'jobs.findByIds': AFTER_A_SCOPED_READ,
  'instructions.activities': FOR_WORKERS,
  'instructions.findByKey': AFTER_A_SCOPED_READ,
  'instructions.progress': AFTER_A_SCOPED_READ,
  'instruction-events.page': AFTER_A_SCOPED_READ,
  'instruction-diffs.getPart': AFTER_A_SCOPED_READ,
  'instruction-permissions.find': AFTER_A_SCOPED_READ,
  'instruction-permissions.listOpen': AFTER_A_SCOPED_READ,
  'egress-denials.list': AFTER_A_SCOPED_READ,
  'credentials.findByIds': AFTER_A_SCOPED_READ,
  'projects.usage': AFTER_A_SCOPED_READ,
  'snapshots.listUnsettled': FOR_WORKERS,
  'spend.ofProject': AFTER_A_SCOPED_READ,
  'spend.sums': FOR_WORKERS,
  'api-keys.findByIds': BY_WHOM_IT_IS,
  'memberships.ofProject': AFTER_A_SCOPED_READ,
  'memberships.ofUser': BY_WHOM_IT_IS,
  'sessions.findById': BY_WHOM_IT_IS,
  'sessions.findByIds': BY_WHOM_IT_IS,
  'sessions.ofOwner': BY_WHOM_IT_IS,
  'users.findById': BY_WHOM_IT_IS,
  'users.findByEmail': BY_WHOM_IT_IS,
  'users.findByAccount': BY_WHOM_IT_IS,
  'users.list': BY_WHOM_IT_IS,
  'warm-pool.findById': FOR_WORKERS,
  'warm-pool.list': FOR_WORKERS,
};

function readsWithoutScope(): string[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.repository.ts') && !path.basename(file).startsWith('drizzle-'))
    .flatMap((file) => {
      const repository = path.basename(file, '.repository.ts');
      const methods = readFileSync(path.join(FOLDER, file), 'utf8').matchAll(/abstract (?<name>\w+)\((?<of>[^)]*)\)/g);
      return [...methods].flatMap(({ groups }) => {
        const { name, of } = groups!;
        return READ.test(name!) && !SCOPED.test(of!) ? [`${repository}.${name}`] : [];
      });
    });
}

describe('the reads of repositories', () => {
  it('take the scope of the caller, but for those that are known not to need one', () => {
    expect(readsWithoutScope().toSorted()).toEqual(Object.keys(UNSCOPED).toSorted());
  });
});
