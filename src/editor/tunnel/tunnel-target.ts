/** What is reached in a container: its VS Code, or a port on its loopback. */
export type TunnelTarget = 'editor' | number;

/** Nothing listens there, or what listens does not take the connection. */
export class ConnectionRefusedError extends Error {
  constructor(
    readonly end: TunnelTarget,
    readonly code: string,
  ) {
    super(`${end === 'editor' ? 'VS Code' : `Port ${end}`} does not take the connection: ${code}`);
  }
}
