import { Injectable } from '@nestjs/common';
import type { EgressDenial } from '@devforge/contract';
import { type EgressDenialRow, EgressDenialsRepository } from '../persistence/egress/egress-denials.repository.js';
import { parseEgressHost } from './egress-host.js';

/** Connections that containers were refused. */
@Injectable()
export class EgressDenials {
  constructor(private readonly denials: EgressDenialsRepository) {}

  /** Those of a container after a number, first to last. */
  async list(containerId: string, after: number, limit: number): Promise<EgressDenial[]> {
    return (await this.denials.list(containerId, after, limit)).map(toDenial);
  }
}

export function toDenial({ seq, at, host, port, reason, attempts }: EgressDenialRow): EgressDenial {
  const parsed = reason === 'not_allowed' ? parseEgressHost(host) : undefined;
  const rule =
    parsed === undefined || 'problem' in parsed || parsed.isAddress ? null : { host: parsed.host, ports: [port] };
  return { seq, at: at.toISOString(), host, port, reason, attempts, rule };
}
