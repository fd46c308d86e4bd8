import {
  type Reservation,
  type WarmKind,
  WarmPoolRepository,
  type WarmWorkspaceRow,
} from '../../../src/persistence/warm-pool/warm-pool.repository.js';
import type { WarmWorkspaceState } from '../../../src/persistence/types.js';

/** A warm pool without a database. Containers are known to it by what a test says of them. */
export class WarmPoolInMemory extends WarmPoolRepository {
  readonly rows = new Map<string, WarmWorkspaceRow>();
  /** Containers created lately, of any kind. */
  created = 0;

  async list(): Promise<WarmWorkspaceRow[]> {
    return [...this.rows.values()];
  }

  async findById(id: string): Promise<WarmWorkspaceRow | null> {
    return this.rows.get(id) ?? null;
  }

  async reserve({ size, max, holder, now, ...kind }: Reservation, newId: () => string): Promise<string[]> {
    const present = this.of(kind).filter(({ state }) => state === 'making' || state === 'ready').length;
    const ids = Array.from({ length: Math.max(0, Math.min(size - present, max)) }, newId);
    for (const id of ids)
      this.rows.set(id, {
        id,
        ...kind,
        state: 'making',
        holder,
        runtimeId: null,
        fingerprint: null,
        env: {},
        createdAt: now,
        claimedAt: null,
      });
    return ids;
  }

  async markReady(
    id: string,
    made: { runtimeId: string; fingerprint: string; env: Record<string, string> },
  ): Promise<boolean> {
    return this.change(id, ['making'], { ...made, state: 'ready' });
  }

  async claim(kind: WarmKind, now: Date): Promise<string | null> {
    const found = this.of(kind).find(({ state }) => state === 'ready');
    if (found === undefined) return null;
    this.change(found.id, ['ready'], { state: 'claimed', claimedAt: now });
    return found.id;
  }

  async release(id: string): Promise<void> {
    this.change(id, ['claimed'], { state: 'ready', claimedAt: null });
  }

  async end(id: string, from: readonly WarmWorkspaceState[]): Promise<boolean> {
    return this.change(id, from, { state: 'ending' });
  }

  async forget(id: string): Promise<void> {
    if (this.rows.get(id)?.state === 'ending') this.rows.delete(id);
  }

  async settleClaims(): Promise<void> {}

  async countCreated(): Promise<number> {
    return this.created;
  }

  private of({ template, fenced }: WarmKind): WarmWorkspaceRow[] {
    return [...this.rows.values()].filter((row) => row.template === template && row.fenced === fenced);
  }

  private change(id: string, from: readonly WarmWorkspaceState[], patch: Partial<WarmWorkspaceRow>): boolean {
    const row = this.rows.get(id);
    if (row === undefined || !from.includes(row.state)) return false;
    this.rows.set(id, { ...row, ...patch });
    return true;
  }
}
