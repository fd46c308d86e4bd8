import { randomBytes } from 'node:crypto';
import { type ApiClient, ok, type Query } from '../../test/support/api/client.js';
import type { Container, CreateContainer, Template } from '../../test/support/api/types.js';
import { timed } from './statistics.js';

const WAIT_SECONDS = 120;
const GONE = 404;
/** An image that is missing is built by the first creation. */
const BUILD_TIMEOUT_MS = 45 * 60_000;

/** The containers that DevForge makes for a measurement. All times are in milliseconds, as the client sees them. */
export class CreatedContainers {
  private readonly open = new Set<string>();

  constructor(
    private readonly api: ApiClient,
    private readonly template: Template,
    private readonly extra: Partial<CreateContainer> = {},
  ) {}

  /** How many there are now. */
  get count(): number {
    return this.open.size;
  }

  /** Creates the first one, for which the image may have to be built. */
  async first(): Promise<Container> {
    const { id } = this.remember(ok(await this.api.create(this.body())));
    return this.api.waitForStatus(id, 'running', BUILD_TIMEOUT_MS);
  }

  /** Creates as many as are missing, a few at a time. @returns all of them, in the order in which they were made */
  async fill(count: number, atOnce: number): Promise<Container[]> {
    const missing = Array.from({ length: count - this.open.size }).values();
    const work = async (): Promise<void> => {
      for (const _ of missing) await this.untilRunning();
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return Promise.all([...this.open].map(async (id) => ok(await this.api.get(id))));
  }

  /** One request that is answered once the container runs. */
  async untilRunning(): Promise<{ ms: number; container: Container }> {
    const { ms, result } = await timed(() => this.api.create(this.body(), { prefer: `wait=${WAIT_SECONDS}` }));
    const container = this.remember(ok(result));
    if (result.status !== 201) throw new Error(`The container does not run: ${JSON.stringify(container)}`);
    return { ms, container };
  }

  /** As {@link untilRunning}, and removes it again. */
  async measureUntilRunning(): Promise<number> {
    const { ms, container } = await this.untilRunning();
    await this.remove(container.id);
    return ms;
  }

  /** The request that is answered at once; the container runs, and is removed, outside the measured time. */
  async measureUntilAccepted(): Promise<number> {
    const { ms, result } = await timed(() => this.api.create(this.body()));
    const { id } = this.remember(ok(result));
    await this.api.waitForStatus(id, 'running');
    await this.remove(id);
    return ms;
  }

  /** @throws Error when the list is not of `length` running containers */
  async list(length: number, query: Query = {}): Promise<number> {
    const { ms, result } = await timed(() => this.api.list({ limit: length, ...query }));
    const running = ok(result).items.filter(({ status }) => status === 'running').length;
    if (running !== length) throw new Error(`The list shows ${running} running containers, not ${length}.`);
    return ms;
  }

  async removeAll(): Promise<void> {
    await Promise.all([...this.open].map((id) => this.remove(id)));
  }

  private async remove(id: string): Promise<void> {
    const answer = await this.api.remove(id);
    if (answer.status !== GONE) ok(answer);
    this.open.delete(id);
  }

  private remember(container: Container): Container {
    this.open.add(container.id);
    return container;
  }

  private body(): CreateContainer {
    return { name: `bench-${randomBytes(5).toString('hex')}`, template: this.template, ...this.extra };
  }
}
