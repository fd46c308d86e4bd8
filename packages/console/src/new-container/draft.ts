import type { components } from '@devforge/contract';
import { NO_SCHEDULE, type ScheduleDraft, scheduleOf } from './schedule.ts';

type Body = components['schemas']['CreateContainerDto'];

/** What the form holds: texts as they are typed. */
export interface Draft {
  name: string;
  projectId: string;
  template: Body['template'];
  mode: NonNullable<Body['mode']>;
  repoUrl: string;
  repoBranch: string;
  depth: string;
  submodules: boolean;
  lfs: boolean;
  image: string;
  /** Names with spaces between them. */
  packages: string;
  setup: string;
  sshKeyPath: string;
  gitName: string;
  gitEmail: string;
  cpuLimit: string;
  memoryLimit: string;
  diskLimit: string;
  /** 0 is never. */
  idleStopMinutes: string;
  ttlMinutes: string;
  waitingStopMinutes: string;
  schedule: ScheduleDraft;
  budgetUsd: string;
  egress: '' | NonNullable<Body['egress']>;
  egressSets: NonNullable<Body['egressSets']>;
  egressAllow: string;
  credentials: string[];
  volume: string;
  fromSnapshot: string;
  env: string;
}

export const EMPTY_DRAFT: Draft = {
  name: '',
  projectId: '',
  template: 'both',
  mode: 'interactive',
  repoUrl: '',
  repoBranch: '',
  depth: '',
  submodules: false,
  lfs: false,
  image: '',
  packages: '',
  setup: '',
  sshKeyPath: '',
  gitName: '',
  gitEmail: '',
  cpuLimit: '2',
  memoryLimit: '2048',
  diskLimit: '10240',
  idleStopMinutes: '',
  ttlMinutes: '',
  waitingStopMinutes: '',
  schedule: NO_SCHEDULE,
  budgetUsd: '',
  egress: '',
  egressSets: [],
  egressAllow: '',
  credentials: [],
  volume: '',
  fromSnapshot: '',
  env: '',
};

/** The request for a draft; what is left empty is left to the server. */
export function bodyOf(draft: Draft): Body {
  const text = (value: string): string | undefined => (value.trim() === '' ? undefined : value.trim());
  const number = (value: string): number | undefined => (value.trim() === '' ? undefined : Number(value));
  const repoUrl = text(draft.repoUrl);
  const packages = draft.packages.split(/[\s,]+/).filter(Boolean);
  const env = parseEnv(draft.env);
  const isFenced = draft.egress === 'restricted';
  const rules = isFenced ? parseRules(draft.egressAllow) : [];
  return dropUndefined({
    name: draft.name.trim(),
    projectId: text(draft.projectId),
    template: draft.template,
    mode: draft.mode,
    repoType: repoUrl === undefined ? undefined : 'clone',
    repoUrl,
    repoBranch: repoUrl === undefined ? undefined : text(draft.repoBranch),
    depth: repoUrl === undefined ? undefined : number(draft.depth),
    submodules: repoUrl !== undefined && draft.submodules ? true : undefined,
    lfs: repoUrl !== undefined && draft.lfs ? true : undefined,
    image: text(draft.image),
    packages: packages.length > 0 ? packages : undefined,
    setup: text(draft.setup),
    sshKeyPath: repoUrl === undefined ? undefined : text(draft.sshKeyPath),
    gitName: text(draft.gitName),
    gitEmail: text(draft.gitEmail),
    cpuLimit: number(draft.cpuLimit),
    memoryLimit: number(draft.memoryLimit),
    diskLimit: number(draft.diskLimit),
    idleStopMinutes: number(draft.idleStopMinutes) === 0 ? null : number(draft.idleStopMinutes),
    ttlMinutes: number(draft.ttlMinutes),
    waitingStopMinutes: number(draft.waitingStopMinutes),
    schedule: scheduleOf(draft.schedule) ?? undefined,
    budgetUsd: number(draft.budgetUsd),
    egress: draft.egress === '' ? undefined : draft.egress,
    egressSets: isFenced && draft.egressSets.length > 0 ? draft.egressSets : undefined,
    egressAllow: rules.length > 0 ? rules : undefined,
    credentials: draft.credentials.length > 0 ? draft.credentials : undefined,
    volume: text(draft.volume),
    fromSnapshot: text(draft.fromSnapshot),
    env: Object.keys(env).length > 0 ? env : undefined,
  }) as Body;
}

/** `NAME=value` in each line; empty lines and comments are left out. */
export function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return at === -1 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + 1)];
    }),
  );
}

/** `host` or `host:port` in each line. */
export function parseRules(text: string): { host: string; ports?: number[] }[] {
  return text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, host = line, port] = /^(.*?)(?::(\d+))?$/.exec(line) ?? [];
      return port === undefined ? { host } : { host, ports: [Number(port)] };
    });
}

/** The same request for a shell. The token is read from the environment and not part of it. */
export function curlOf(origin: string, body: Body): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`);
  return `curl -X POST ${origin}/api/containers \\
  -H "Authorization: Bearer $DEVFORGE_TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '${json}'`;
}

function dropUndefined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Value>;
}
