import { AsyncLocalStorage } from 'node:async_hooks';

/** Who acts in a request or an event of a socket. */
export interface Actor {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly credential: { readonly kind: string; readonly id?: string };
}

/** What a request or an event of a socket acts on, as far as it is known. */
export interface Target {
  readonly kind: string;
  readonly id: string | null;
  readonly name: string | null;
}

/** What is known of a request, or of an event of a socket, wherever its work is done. */
export interface RequestContext {
  /** IP address of the client. */
  readonly address: string | null;
  readonly requestId: string | null;
  /** Absent until the caller is authenticated. */
  actor?: Actor;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Does the work, and all that it starts, in the given context. */
export function runInContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** Notes who the caller of the current request is. */
export function noteActor(actor: Actor): void {
  const context = currentContext();
  if (context !== undefined) context.actor = actor;
}

/** The context of the request whose work this is; undefined in background work. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
