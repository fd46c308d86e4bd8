import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { Duplex } from 'node:stream';
import type { Pool } from 'undici';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { Tunnel } from './tunnel.js';
import { TunnelAgent, tunnelPool } from './tunnel-clients.js';
import type { TunnelTarget } from './tunnel-target.js';

const IDLE_MS = 10 * 60_000;

interface Clients {
  /** For upgrades. */
  agent: TunnelAgent;
  /** For requests, over connections that are kept. */
  pool: Pool;
}

interface OpenTunnel {
  tunnel: Promise<Tunnel>;
  clients: Map<TunnelTarget, Clients>;
  /** Requests and connections under way. */
  users: number;
  idle: NodeJS.Timeout;
}

/** One tunnel for each container that somebody works in, closed when nobody asked for it for a while. */
@Injectable()
export class Tunnels implements BeforeApplicationShutdown {
  private readonly open = new Map<string, OpenTunnel>();

  constructor(private readonly runtime: ContainerEngine) {}

  /** Of that end in the container. */
  clients(dockerId: string, end: TunnelTarget): Clients {
    const { clients } = this.use(dockerId);
    const known = clients.get(end);
    if (known !== undefined) return known;
    const dial = async (): Promise<Duplex> => (await this.use(dockerId).tunnel).dial(end);
    const made = { agent: new TunnelAgent(dial), pool: tunnelPool(dial) };
    clients.set(end, made);
    return made;
  }

  /** Keeps the tunnel open. @returns a function that lets go of it */
  hold(dockerId: string): () => void {
    const held = this.use(dockerId);
    held.users++;
    return () => {
      held.users--;
      held.idle.refresh();
    };
  }

  beforeApplicationShutdown(): void {
    for (const dockerId of this.open.keys()) this.close(dockerId);
  }

  private use(dockerId: string): OpenTunnel {
    const known = this.open.get(dockerId);
    if (known !== undefined) {
      known.idle.refresh();
      return known;
    }
    const idle = setTimeout(() => (opened.users > 0 ? idle.refresh() : this.close(dockerId)), IDLE_MS);
    idle.unref();
    const opened: OpenTunnel = { tunnel: this.start(dockerId), clients: new Map(), users: 0, idle };
    this.open.set(dockerId, opened);
    const forget = (): void => {
      if (this.open.get(dockerId) === opened) this.close(dockerId);
    };
    opened.tunnel.then((tunnel) => (tunnel.closed ? forget() : tunnel.onClose(forget)), forget);
    return opened;
  }

  private async start(dockerId: string): Promise<Tunnel> {
    const { containers } = this.runtime;
    const [address] = Object.values((await containers.inspect(dockerId))?.addresses ?? {});
    return Tunnel.over(await containers.open(dockerId, { argv: ['devforge-tunnel'] }), address);
  }

  private close(dockerId: string): void {
    const known = this.open.get(dockerId);
    if (known === undefined) return;
    this.open.delete(dockerId);
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
