import type { TypedSocket } from './typed-socket.js';

/** One value for each socket, created on first use and collected with the socket. */
export class PerSocket<Value extends object> {
  private readonly values = new WeakMap<TypedSocket, Value>();

  constructor(private readonly create: (socket: TypedSocket) => Value) {}

  of(socket: TypedSocket): Value {
    const known = this.values.get(socket);
    if (known !== undefined) return known;
    const created = this.create(socket);
    this.values.set(socket, created);
    return created;
  }
}
