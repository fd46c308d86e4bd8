import { until } from '../e2e/until.js';
import { failure, type Reply } from './replies.js';
import type { ModelRequest } from './requests.js';
import { sideAnswer } from './side-answers.js';

type Handler = (request: ModelRequest) => Reply | Promise<Reply>;

/** The model behind one container, or one session: what it says, and what it was asked. */
export class ScriptedModel {
  /** Every `POST /v1/messages` so far, in the order in which they came. */
  readonly requests: ModelRequest[] = [];
  private readonly script: (Reply | Handler)[] = [];
  private unscripted: Handler = () =>
    failure(400, 'invalid_request_error', `Nothing is scripted for this turn of ${this.name}.`);
  private side: Handler = ({ body }) => sideAnswer(body);

  constructor(
    readonly name: string,
    /** `ANTHROPIC_BASE_URL` for a container: what comes there is meant for this model. */
    readonly url: string,
    /** `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`: requests that carry it are meant for this model, wherever they go. */
    readonly credential: string,
  ) {}

  /** The settings of a container that talks to this model. */
  get env(): Record<string, string> {
    return { ANTHROPIC_BASE_URL: this.url, ANTHROPIC_API_KEY: this.credential };
  }

  /** The requests that were turns of the agent, those that failed or were tried again included. */
  get turns(): ModelRequest[] {
    return this.requests.filter(({ purpose }) => purpose === 'turn');
  }

  /** The next turns, in order; each try of the CLI uses one up. */
  replyNext(...replies: (Reply | Handler)[]): this {
    this.script.push(...replies);
    return this;
  }

  /**
   * What is said to every turn that has no reply in the script; an error 400 otherwise, at which the CLI soon gives
   * up.
   */
  replyByDefault(reply: Reply | Handler): this {
    this.unscripted = typeof reply === 'function' ? reply : () => reply;
    return this;
  }

  /** What is said on the side: to titles, summaries, checks. */
  replyToSideRequests(handler: Handler): this {
    this.side = handler;
    return this;
  }

  /** Forgets the script, not the requests. */
  clearScript(): void {
    this.script.length = 0;
  }

  /** The turn with this number, from 1, as soon as it has been asked. */
  waitForTurn(number: number, timeoutMs?: number): Promise<ModelRequest> {
    return until(`turn ${number} of ${this.name}`, () => this.turns[number - 1], timeoutMs);
  }

  /** @internal by the server */
  async reply(request: ModelRequest): Promise<Reply> {
    this.requests.push(request);
    if (request.purpose === 'side') return this.side(request);
    const scripted = this.script.shift() ?? this.unscripted;
    return typeof scripted === 'function' ? scripted(request) : scripted;
  }
}
