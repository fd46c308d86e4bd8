import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { Duplex } from 'node:stream';
import type { Pool } from 'undici';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { Tunnel } from './tunnel.js';
import { TunnelAgent, tunnelPool } from './tunnel-clients.js';
import type { TunnelTarget } from './tunnel-target.js';

const IDLE_MS = 10 * 60_000;

interface Clients {
  /** For upgrades. */
  agent: TunnelAgent;
  /** For other requests; reuses connections. */
  pool: Pool;
}

interface OpenTunnel {
  tunnel: Promise<Tunnel>;
  clients: Map<TunnelTarget, Clients>;
  /** Requests and connections in progress. */
  users: number;
  idle: NodeJS.Timeout;
}

/** One tunnel for each container in use, closed after ten minutes without a request. */
@Injectable()
export class Tunnels implements BeforeApplicationShutdown {
  private readonly open = new Map<string, OpenTunnel>();

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly driver: WorkspaceDriver,
  ) {}

  /** HTTP clients of a target in the container. */
  clients(workspace: WorkspaceRef, target: TunnelTarget): Clients {
    const { clients } = this.use(workspace);
    const known = clients.get(target);
    if (known !== undefined) return known;
    const dial = async (): Promise<Duplex> => (await this.use(workspace).tunnel).dial(target);
    const made = { agent: new TunnelAgent(dial), pool: tunnelPool(dial) };
    clients.set(target, made);
    return made;
  }

  /** Keeps the tunnel open. @returns a function that releases it */
  hold(workspace: WorkspaceRef): () => void {
    const held = this.use(workspace);
    held.users++;
    return () => {
      held.users--;
      held.idle.refresh();
    };
  }

  beforeApplicationShutdown(): void {
    for (const runtimeId of this.open.keys()) this.close(runtimeId);
  }

  private use(workspace: WorkspaceRef): OpenTunnel {
    const { runtimeId } = workspace;
    const known = this.open.get(runtimeId);
    if (known !== undefined) {
      known.idle.refresh();
      return known;
    }
    const idle = setTimeout(() => (opened.users > 0 ? idle.refresh() : this.close(runtimeId)), IDLE_MS);
    idle.unref();
    const opened: OpenTunnel = { tunnel: this.start(workspace), clients: new Map(), users: 0, idle };
    this.open.set(runtimeId, opened);
    const forget = (): void => {
      if (this.open.get(runtimeId) === opened) this.close(runtimeId);
    };
    opened.tunnel.then((tunnel) => (tunnel.closed ? forget() : tunnel.onClose(forget)), forget);
    return opened;
  }

  private async start(workspace: WorkspaceRef): Promise<Tunnel> {
    const address = await this.driver.address(workspace);
    const program = await this.programs.open(workspace, 'devforge-tunnel');
    try {
      return await Tunnel.over(program, address ?? undefined);
    } catch (error) {
      // A program that was closed, since it did not answer, has no exit code to explain.
      throw await this.programs.explain(workspace, program).catch(() => error);
    }
  }

  private close(runtimeId: string): void {
    const known = this.open.get(runtimeId);
    if (known === undefined) return;
    this.open.delete(runtimeId);
    clearTimeout(known.idle);
    for (const { agent, pool } of known.clients.values()) {
      agent.destroy();
      void pool.destroy();
    }
    known.tunnel.then(
      (tunnel) => tunnel.close(),
      () => undefined,
    );
  }
}
