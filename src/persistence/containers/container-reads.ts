import { and, eq, gt, lt, or, sql, type SQL } from 'drizzle-orm';
import type { Pool } from 'pg';
import { isId } from '../../common/id-generator.js';
import { RowsSelection } from '../rows-selection.js';
import type { Scope } from '../types.js';
import { live } from './container-conditions.js';
import type { ContainerRow, ListQuery } from './containers.repository.js';
import { containers } from './containers.schema.js';
import { EVERYTHING } from '../everything.js';

type Selection = RowsSelection<typeof containers>;

const { placeholder } = sql;
const IN_PROJECTS = sql`${containers.projectId} = any(${placeholder('projects')})`;
const OLDEST_FIRST = sql`order by ${containers.createdAt}, ${containers.id}`;
const LATEST_FIRST = sql`order by ${containers.createdAt} desc, ${containers.id}`;
/** What may narrow a list. */
const NARROWED = {
  projects: IN_PROJECTS,
  status: eq(containers.status, placeholder('status')),
  template: eq(containers.template, placeholder('template')),
  after: or(
    lt(containers.createdAt, placeholder('createdAt')),
    and(eq(containers.createdAt, placeholder('createdAt')), gt(containers.id, placeholder('id'))),
  ),
};

const byId = {
  all: select('container_by_id', eq(containers.id, placeholder('id'))),
  some: select('container_by_id_in_projects', and(eq(containers.id, placeholder('id')), IN_PROJECTS)),
};
const byName = {
  all: select('container_by_name', eq(containers.name, placeholder('name')), OLDEST_FIRST),
  some: select(
    'container_by_name_in_projects',
    and(eq(containers.name, placeholder('name')), IN_PROJECTS),
    OLDEST_FIRST,
  ),
};
const byIdsOrNames = select(
  'containers_by_ids_or_names',
  or(
    sql`${containers.id} = any(${placeholder('ids')})`,
    and(
      sql`${containers.name} = any(${placeholder('references')})`,
      eq(containers.projectId, placeholder('projectId')),
    ),
  ),
);
/** One for each combination of what narrows a list. */
const lists = new Map<string, Selection>();

export async function readContainer(pool: Pool, id: string, scope: Scope): Promise<ContainerRow | null> {
  const [row] = await (scope === EVERYTHING
    ? byId.all.run(pool, { id })
    : byId.some.run(pool, { id, projects: scope }));
  return row ?? null;
}

/** The oldest first. */
export async function readContainersByName(pool: Pool, name: string, scope: Scope): Promise<ContainerRow[]> {
  return scope === EVERYTHING ? byName.all.run(pool, { name }) : byName.some.run(pool, { name, projects: scope });
}

export async function readContainersByIdsOrNames(
  pool: Pool,
  references: string[],
  projectId: string,
): Promise<ContainerRow[]> {
  return byIdsOrNames.run(pool, { references, ids: references.filter(isId), projectId });
}

/** The latest first. */
export async function readContainers(
  pool: Pool,
  { scope, status, template, limit, after }: ListQuery,
): Promise<ContainerRow[]> {
  const values = {
    ...(scope === EVERYTHING ? {} : { projects: scope }),
    ...(status === undefined ? {} : { status }),
    ...(template === undefined ? {} : { template }),
    ...(after === undefined ? {} : { after, createdAt: after.createdAt.toISOString(), id: after.id }),
  };
  const narrowed = Object.keys(NARROWED).filter((key) => key in values) as (keyof typeof NARROWED)[];
  const name = ['containers', ...narrowed].join('_by_');
  const known = lists.get(name);
  const list =
    known ??
    select(name, and(...narrowed.map((key) => NARROWED[key])), sql`${LATEST_FIRST} limit ${placeholder('limit')}`);
  if (known === undefined) lists.set(name, list);
  return list.run(pool, { ...values, limit });
}

function select(name: string, condition: SQL | undefined, rest = sql``): Selection {
  return new RowsSelection(name, containers, sql`where ${live(condition)} ${rest}`);
}
