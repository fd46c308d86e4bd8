import type { SpendRecord, SpendRecords } from '../workspace-spend.js';

/** What a fake driver's workspaces have spent. */
export class FakeSpending {
  /** Another one after a loss of the journal. */
  journal = 'fake';
  private readonly all = new Map<string, SpendRecord[]>();
  private last = 0;

  add(id: string, entry: Partial<SpendRecord> = {}): SpendRecord {
    const record = {
      seq: ++this.last,
      at: new Date().toISOString(),
      instruction: null,
      parts: [],
      isEstimated: false,
      ...entry,
    };
    this.all.set(id, [...(this.all.get(id) ?? []), record]);
    return record;
  }

  after(id: string, known: { journal: string; seq: number } | undefined): SpendRecords {
    const stored = known?.journal === this.journal ? known.seq : 0;
    const entries = (this.all.get(id) ?? []).filter(({ seq }) => seq > stored);
    this.all.set(id, entries);
    return { journal: this.journal, entries };
  }
}
