import type {
  EventPage,
  InstructionEventsRepository,
  StoredEvent,
} from '../../../src/persistence/instructions/instruction-events.repository.js';
import type {
  InstructionProgress,
  InstructionRow,
  InstructionsRepository,
} from '../../../src/persistence/instructions/instructions.repository.js';
import { instructionRow } from '../rows.js';

/** One instruction and its events, in memory, as far as those need them who read. */
export class EventRows {
  readonly events: StoredEvent[] = [];
  /** Every page that was asked for. */
  readonly pages: EventPage[] = [];
  row: InstructionRow | null = instructionRow();
  away = false;
  private version = 1;

  get id(): string {
    return this.row!.id;
  }

  get instructions(): InstructionsRepository {
    const progress = async (): Promise<InstructionProgress | null> => {
      if (this.away) throw new Error('the database is away');
      return (
        this.row && { lastSeq: this.events.length, isOver: this.row.finishedAt !== null, version: String(this.version) }
      );
    };
    const findById = async (): Promise<InstructionRow | null> =>
      this.row && { ...this.row, lastSeq: this.events.length };
    return { progress, findById } as unknown as InstructionsRepository;
  }

  get store(): InstructionEventsRepository {
    const page = async (asked: EventPage): Promise<StoredEvent[]> => {
      this.pages.push(asked);
      const { after, through = Infinity, mostEvents = 3 } = asked;
      return this.events.filter(({ seq }) => seq > after && seq <= through).slice(0, mostEvents);
    };
    return { page } as unknown as InstructionEventsRepository;
  }

  add(count: number): void {
    for (let index = 0; index < count; index++)
      this.events.push({ seq: this.events.length + 1, event: `{"n":${this.events.length + 1}}` });
  }

  change(patch: Partial<InstructionRow>): void {
    this.row = { ...this.row!, ...patch };
    this.version += 1;
  }

  end(): void {
    this.change({ status: 'succeeded', finishedAt: new Date() });
  }
}
