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
  /** What the caller presented that is known but not valid. */
  presented?: Actor['credential'];
  /** The permission that the route or the event needs. */
  permission?: string;
  /** What the caller asks for. */
  target?: () => Target;
  projectId?: string | null;
  /** Whether what is asked for exists, but not for the caller. */
  isHidden?: boolean;
  /** Ids of the projects in which what is asked for was looked for, in vain: it may exist in another one. */
  searched?: readonly string[];
  /** Is called with the code of the error that the caller is answered with. */
  readonly onError?: (code: string) => void;
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

/** Notes what is found out about the current request, for the case that it is refused. */
export function noteRequest(
  found: Pick<RequestContext, 'presented' | 'permission' | 'target' | 'projectId' | 'isHidden' | 'searched'>,
): void {
  const context = currentContext();
  if (context !== undefined) Object.assign(context, found);
}

/** The context of the request whose work this is; undefined in background work. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
