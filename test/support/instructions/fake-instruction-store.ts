import type {
  EventPageQuery,
  InstructionEventsRepository,
  StoredEvent,
} from '../../../src/persistence/instructions/instruction-events.repository.js';
import type {
  InstructionProgress,
  InstructionRow,
  InstructionsRepository,
} from '../../../src/persistence/instructions/instructions.repository.js';
import { instructionRow } from '../rows.js';

/** One instruction and its events in memory, with the read methods of their repositories. */
export class FakeInstructionStore {
  readonly events: StoredEvent[] = [];
  /** The query of every page that was read. */
  readonly pageQueries: EventPageQuery[] = [];
  row: InstructionRow | null = instructionRow();
  isUnavailable = false;
  private version = 1;

  get id(): string {
    return this.row!.id;
  }

  get instructionsRepository(): InstructionsRepository {
    const progress = async (): Promise<InstructionProgress | null> => {
      if (this.isUnavailable) throw new Error('the database is unavailable');
      return (
        this.row && {
          lastSeq: this.events.length,
          isFinished: this.row.finishedAt !== null,
          version: String(this.version),
        }
      );
    };
    const findById = async (): Promise<InstructionRow | null> =>
      this.row && { ...this.row, lastSeq: this.events.length };
    return { progress, findById } as unknown as InstructionsRepository;
  }

  get eventsRepository(): InstructionEventsRepository {
    const page = async (query: EventPageQuery): Promise<StoredEvent[]> => {
      this.pageQueries.push(query);
      const { after, through = Infinity, maxEvents = 3 } = query;
      return this.events.filter(({ seq }) => seq > after && seq <= through).slice(0, maxEvents);
    };
    return { page } as unknown as InstructionEventsRepository;
  }

  addEvents(count: number): void {
    for (let index = 0; index < count; index++)
      this.events.push({ seq: this.events.length + 1, event: `{"n":${this.events.length + 1}}` });
  }

  change(patch: Partial<InstructionRow>): void {
    this.row = { ...this.row!, ...patch };
    this.version += 1;
  }

  finish(): void {
    this.change({ status: 'succeeded', finishedAt: new Date() });
  }
}
