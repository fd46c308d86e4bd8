import { say } from '../messages-api/replies.js';
import type { InstructionsClient } from './instructions-client.js';
import type { Workspace } from './instructions-server.js';

/** Instructions that are at their first turn until the test lets them go on. */
export class BlockedInstructions {
  private readonly releases: (() => void)[] = [];

  /** Creates one and waits for its turn. @returns its id, and what lets the model answer */
  async start(instructions: InstructionsClient, { container, model }: Workspace) {
    const { promise, release } = this.block();
    const turns = model.turns.length;
    model.replyNext(async () => (await promise, say('Done.')));
    const { id } = await instructions.create(container.id, 'Wait.');
    await model.waitForTurn(turns + 1, 60_000);
    return { id, release };
  }

  /** A promise that an answer of the model may wait for. */
  block() {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    this.releases.push(release);
    return { promise, release };
  }

  /** After each test: one that failed must not block the turns of the next. */
  releaseAll(): void {
    this.releases.splice(0).forEach((release) => release());
  }
}
