import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { Duplex } from 'node:stream';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { startTls, TlsPorts } from './tls-ports.js';
import { Tunnel } from './tunnel.js';
import { TunnelAgent, type TunnelPool, tunnelPool } from './tunnel-clients.js';
import type { TunnelTarget } from './tunnel-target.js';

const IDLE_MS = 10 * 60_000;

interface Clients {
  /** For upgrades. */
  agent: TunnelAgent;
  /** For other requests; reuses connections. */
  pool: TunnelPool;
}

interface OpenTunnel {
  tunnel: Promise<Tunnel>;
  clients: Map<TunnelTarget | string, Clients>;
  /** Requests and connections in progress. */
  users: number;
  idle: NodeJS.Timeout;
}

/** One tunnel for each container in use, closed after ten minutes without a request. */
@Injectable()
export class Tunnels implements BeforeApplicationShutdown {
  private readonly open = new Map<string, OpenTunnel>();
  private readonly tlsPorts = new TlsPorts();

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly driver: WorkspaceDriver,
  ) {}

  /** HTTP clients of a target in the container, over TLS where that is known to be needed. */
  clients(workspace: WorkspaceRef, target: TunnelTarget): Clients {
    const { clients } = this.use(workspace);
    const tls = target !== 'editor' && this.hasTls(workspace, target);
    const key = tls ? `${target} with TLS` : target;
    const known = clients.get(key);
    if (known !== undefined) return known;
    const dial = async (): Promise<Duplex> => {
      const socket = await this.dial(workspace, target);
      return tls ? startTls(socket) : socket;
    };
    const made = { agent: new TunnelAgent(dial), pool: tunnelPool(dial) };
    clients.set(key, made);
    return made;
  }

  hasTls({ runtimeId }: WorkspaceRef, port: number): boolean {
    return this.tlsPorts.has(runtimeId, port);
  }

  /** @returns whether the port speaks TLS; from then on it is asked that way */
  findTls(workspace: WorkspaceRef, port: number): Promise<boolean> {
    return this.tlsPorts.probe(workspace.runtimeId, port, () => this.dial(workspace, port));
  }

  forgetTls({ runtimeId }: WorkspaceRef, port: number): void {
    this.tlsPorts.forget(runtimeId, port);
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

  private async dial(workspace: WorkspaceRef, target: TunnelTarget): Promise<Duplex> {
    return (await this.use(workspace).tunnel).dial(target);
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
