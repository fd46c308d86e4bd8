import { until } from '../e2e/until.js';
import { failure, type Reply } from './replies.js';
import type { ModelRequest } from './requests.js';
import { sideAnswer } from './side-answers.js';

type Handler = (request: ModelRequest) => Reply | Promise<Reply>;

/** The scripted model of one container or session. It records the requests and answers them from the script. */
export class ScriptedModel {
  /** Every `POST /v1/messages` so far, in order of arrival. */
  readonly requests: ModelRequest[] = [];
  private readonly script: (Reply | Handler)[] = [];
  private defaultHandler: Handler = () =>
    failure(400, 'invalid_request_error', `Nothing is scripted for this turn of ${this.name}.`);
  private sideHandler: Handler = ({ body }) => sideAnswer(body);

  constructor(
    readonly name: string,
    /** `ANTHROPIC_BASE_URL` for a container: requests to it reach this model. */
    readonly url: string,
    /** `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`: requests with it reach this model at any address of the API. */
    readonly credential: string,
  ) {}

  /** The environment of a container that uses this model. */
  get env(): Record<string, string> {
    return { ANTHROPIC_BASE_URL: this.url, ANTHROPIC_API_KEY: this.credential };
  }

  /** The requests that were turns of the agent, including failed and repeated ones. */
  get turns(): ModelRequest[] {
    return this.requests.filter(({ purpose }) => purpose === 'turn');
  }

  /** Adds replies to the next turns, in order. Every attempt of Claude Code takes one. */
  replyNext(...replies: (Reply | Handler)[]): this {
    this.script.push(...replies);
    return this;
  }

  /** Sets the reply to turns without one in the script. By default they fail with 400, which Claude Code does not retry. */
  replyByDefault(reply: Reply | Handler): this {
    this.defaultHandler = typeof reply === 'function' ? reply : () => reply;
    return this;
  }

  /** Sets the reply to side requests, such as those for titles and summaries. */
  replyToSideRequests(handler: Handler): this {
    this.sideHandler = handler;
    return this;
  }

  /** Removes the replies that were not used yet. The recorded requests stay. */
  clearScript(): void {
    this.script.length = 0;
  }

  /** Waits for a turn. @param number from 1 */
  waitForTurn(number: number, timeoutMs?: number): Promise<ModelRequest> {
    return until(`turn ${number} of ${this.name}`, () => this.turns[number - 1], timeoutMs);
  }

  /** @internal */
  async reply(request: ModelRequest): Promise<Reply> {
    this.requests.push(request);
    if (request.purpose === 'side') return this.sideHandler(request);
    const scripted = this.script.shift() ?? this.defaultHandler;
    return typeof scripted === 'function' ? scripted(request) : scripted;
  }
}
