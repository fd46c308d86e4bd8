/** Where a connection into a container leads: to its VS Code, or to a port on its loopback interface. */
export type TunnelTarget = 'editor' | number;

/** Nothing listens at the target, or it refuses the connection. */
export class ConnectionRefusedError extends Error {
  constructor(
    readonly target: TunnelTarget,
    readonly code: string,
  ) {
    super(`${target === 'editor' ? 'VS Code' : `Port ${target}`} refused the connection: ${code}`);
  }
}
