import type { Page } from 'playwright-core';

const EVENT = /^42\d*\["(subscribe|unsubscribe):(\w+)",\{(?:"containerId":"([^"]+)")?/;

/** The subscriptions of a page at DevForge, by the messages that it sends. */
export class Subscriptions {
  /** The most at a time. */
  most = 0;
  private readonly open = new Set<string>();

  /** Before the page has its connection. */
  constructor(page: Page) {
    page.on('websocket', (socket) => {
      this.open.clear();
      socket.on('framesent', ({ payload }) => this.note(String(payload)));
    });
  }

  get now(): number {
    return this.open.size;
  }

  private note(message: string): void {
    const [, verb, kind, containerId = ''] = EVENT.exec(message) ?? [];
    if (verb === undefined) return;
    if (verb === 'subscribe') this.open.add(`${kind} ${containerId}`);
    else this.open.delete(`${kind} ${containerId}`);
    this.most = Math.max(this.most, this.open.size);
  }
}
