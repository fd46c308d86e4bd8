import { isIPv6 } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { EgressDenial, EgressRule } from '@devforge/contract';
import { Settings } from '../config/settings.js';
import { type EgressDenialRow, EgressDenialsRepository } from '../persistence/egress/egress-denials.repository.js';
import { exemptAddresses, parseEgressHost } from './egress-host.js';

/** Connections that containers were refused. */
@Injectable()
export class EgressDenials {
  private readonly exempt: { has(host: string): boolean };

  constructor(
    private readonly denials: EgressDenialsRepository,
    settings: Settings,
  ) {
    this.exempt = exemptAddresses(settings.egress.privateHosts);
  }

  /** Those of a container after a number, first to last. */
  async list(containerId: string, after: number, limit: number): Promise<EgressDenial[]> {
    return (await this.denials.list(containerId, after, limit)).map((row) => this.toDenial(row));
  }

  private toDenial(row: EgressDenialRow): EgressDenial {
    const { seq, at, host, port, reason, attempts } = row;
    return { seq, at: at.toISOString(), host, port, reason, attempts, rule: this.ruleFor(row) };
  }

  /** What would allow it: for an address only where the operator has exempted it. */
  private ruleFor({ host: refused, port, reason }: EgressDenialRow): EgressRule | null {
    if (reason !== 'not_allowed') return null;
    const parsed = parseEgressHost(isIPv6(refused) ? `[${refused}]` : refused);
    if ('problem' in parsed) return null;
    const { host, isAddress } = parsed;
    return isAddress && !this.exempt.has(host) ? null : { host, ports: [port] };
  }
}
