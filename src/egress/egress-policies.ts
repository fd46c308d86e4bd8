import { Injectable } from '@nestjs/common';
import { projectNotFound } from '../auth/project-scope.js';
import { DomainError } from '../common/errors/domain-error.js';
import { parseHostAndPort } from '../common/host-and-port.js';
import { Settings } from '../config/settings.js';
import { DriverError } from '../drivers/driver-error.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceEgress } from '../drivers/workspace-egress.js';
import { validationFailed } from '../http/validation/validation.js';
import { ProjectsRepository } from '../persistence/auth/projects.repository.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { EgressMode, EgressRule, EgressSet, Mode } from '../persistence/types.js';
import type { UpdateEgressDto } from './egress.dto.js';
import { exemptAddresses, parseEgressHost } from './egress-host.js';
import { modelApiUrl } from './model-api.js';

/** What a row says of the egress of its container. */
export type EgressChoice = Pick<ContainerRow, 'egress' | 'egressAllow' | 'egressSets'>;

const DEFAULT_SETS: readonly EgressSet[] = ['git', 'model'];
const PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80, 'ssh:': 22 };
const SCP_FORM = /^[^@:/]+@(?<host>\[[^\]]+\]|[^:/]+):/;

/** Decides what a container may be allowed to reach, and finds out which hosts that is. */
@Injectable()
export class EgressPolicies {
  private readonly ofImages = new Map<string, EgressRule[]>();

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly projects: ProjectsRepository,
    private readonly settings: Settings,
  ) {}

  /**
   * What a new container gets, unless it is `open` and its project forbids that.
   * @throws DomainError `egress_not_supported`
   */
  forNew(mode: Mode, wanted: UpdateEgressDto): EgressChoice {
    const egress = wanted.egress ?? this.settings.egressDefaults[mode];
    this.requireSupport(egress, wanted.egress === undefined ? mode : undefined);
    return { egress, egressAllow: this.rulesOf(wanted) ?? [], egressSets: wanted.egressSets ?? [...DEFAULT_SETS] };
  }

  /**
   * What a new container gets in a project that forbids `open`.
   * @throws DomainError `egress_open_forbidden` when it was asked for, `egress_not_supported`
   */
  insteadOfOpen(wanted: UpdateEgressDto): EgressMode {
    if (wanted.egress === 'open') throw openForbidden();
    this.requireSupport('restricted');
    return 'restricted';
  }

  /**
   * What a container has after a change.
   * @throws DomainError `egress_open_forbidden`, `egress_not_supported`
   */
  async afterChange(row: ContainerRow, wanted: UpdateEgressDto): Promise<EgressChoice> {
    const egress = wanted.egress ?? row.egress;
    // One that was open before the project forbade it may change its rules.
    if (egress !== row.egress) {
      if (egress === 'open' && (await this.forbidsOpen(row.projectId))) throw openForbidden();
      this.requireSupport(egress);
    }
    return {
      egress,
      egressAllow: this.rulesOf(wanted) ?? row.egressAllow,
      egressSets: wanted.egressSets ?? row.egressSets,
    };
  }

  /**
   * The policy for the driver, with hosts instead of sets.
   * @throws DriverError when the engine has to be asked for the package managers' hosts and does not answer
   */
  async resolve(row: ContainerRow, choice: EgressChoice = row): Promise<WorkspaceEgress> {
    const { egress: mode, egressAllow, egressSets } = choice;
    if (mode !== 'restricted') return { mode, allow: [] };
    const sets = await Promise.all(egressSets.map((set) => this.rulesOfSet(set, row)));
    return { mode, allow: merged([...egressAllow, ...sets.flat()]) };
  }

  private async rulesOfSet(set: EgressSet, row: ContainerRow): Promise<EgressRule[]> {
    switch (set) {
      case 'git':
        return row.repoUrl === null ? [] : ruleOfUrl(row.repoUrl);
      case 'model':
        return ruleOfUrl(row.env['ANTHROPIC_BASE_URL'] ?? modelApiUrl(this.settings));
      case 'packages':
        return row.image === null ? [] : this.packageRules(row.image);
    }
  }

  private async packageRules(image: string): Promise<EgressRule[]> {
    const known = this.ofImages.get(image);
    if (known !== undefined) return known;
    try {
      const rules = await this.driver.packageRules(image);
      this.ofImages.set(image, rules);
      return rules;
    } catch (error) {
      // Nothing more is allowed without the image than with it.
      if (error instanceof DriverError && error.code === 'not_found') return [];
      throw error;
    }
  }

  /** @throws DomainError `validation_failed` for an address that the operator has not exempted */
  private rulesOf({ egressAllow }: UpdateEgressDto): EgressRule[] | undefined {
    const exempt = exemptAddresses(this.settings.egress.privateHosts);
    return egressAllow?.map(({ host: text, ports }, index) => {
      const parsed = parseEgressHost(text);
      const fail = (message: string): never => {
        throw validationFailed([{ field: `egressAllow.${index}.host`, messages: [message] }]);
      };
      if ('problem' in parsed) return fail(parsed.problem);
      const { host, isAddress } = parsed;
      if (isAddress && !exempt.has(host)) return fail('must be a host name: addresses are not allowed');
      return { host, ports: [...ports] };
    });
  }

  private async forbidsOpen(projectId: string): Promise<boolean> {
    const project = await this.projects.findById(projectId, [projectId]);
    if (project === null) throw projectNotFound(projectId);
    return project.egress.forbidOpen === true;
  }

  /** @param usualFor the mode of the container, when nobody asked for this egress */
  private requireSupport(egress: EgressMode, usualFor?: Mode): void {
    if (egress === 'open' || this.driver.capabilities.fence) return;
    const advice =
      usualFor === undefined
        ? ''
        : ` It is the default of ${usualFor} containers: ask for "open", or set EGRESS_${usualFor.toUpperCase()}=open.`;
    throw new DomainError(
      'egress_not_supported',
      `This engine cannot restrict what containers reach, so the egress "${egress}" is not possible.${advice}`,
    );
  }
}

function openForbidden(): DomainError {
  return new DomainError('egress_open_forbidden', 'The project does not allow its containers the egress "open".');
}

/** Host and port of a repository or an API. */
function ruleOfUrl(url: string): EgressRule[] {
  const scp = url.includes('://') ? undefined : SCP_FORM.exec(url)?.groups;
  if (scp !== undefined) return ruleOf(scp['host']!, PORTS['ssh:']!);
  if (!URL.canParse(url)) return [];
  const { protocol, hostname, port } = new URL(url);
  const usual = PORTS[protocol];
  return usual === undefined ? [] : ruleOf(hostname, port === '' ? usual : Number(port));
}

function ruleOf(text: string, port: number): EgressRule[] {
  const parsed = parseHostAndPort(text);
  return parsed === null ? [] : [{ host: parsed.host, ports: [port] }];
}

/** One rule for each host. */
function merged(rules: EgressRule[]): EgressRule[] {
  const ports = new Map<string, Set<number>>();
  for (const rule of rules) {
    const known = ports.get(rule.host) ?? new Set();
    for (const port of rule.ports) known.add(port);
    ports.set(rule.host, known);
  }
  return [...ports].map(([host, set]) => ({ host, ports: [...set].toSorted((a, b) => a - b) }));
}
