export interface ListeningPort {
  port: number;
  /** The command of the program, as far as it can be seen. */
  program: string | null;
}

/** Prints what {@link parseListening} reads: sockets, who has which one open, and the commands of all processes. */
export const LISTENING_SCRIPT = `cat /proc/net/tcp /proc/net/tcp6
ls -l /proc/[0-9]*/fd 2>/dev/null
head -c 200 -v /proc/[0-9]*/cmdline 2>/dev/null | tr '\\000' ' '
true`;

const SOCKET = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:0000 0A (?:\S+ ){3}\s*\d+\s+\d+ (\d+)/;
const DESCRIPTORS = /^\/proc\/(\d+)\/fd:$/;
const OPEN_SOCKET = /-> socket:\[(\d+)\]$/;
const COMMAND = /^==> \/proc\/(\d+)\/cmdline <==$/;
/** Programs of DevForge, and its forwarder of the egress gateway. */
const OWN = /(?:^|\/)devforge[-/]/;

/** The ports at which programs of the workspace listen, DevForge's own left out. */
export function parseListening(output: string): ListeningPort[] {
  const portOfSocket = new Map<string, number>();
  const processOfSocket = new Map<string, string>();
  const commands = new Map<string, string>();
  let process = '';
  let isCommand = false;
  for (const line of output.split('\n')) {
    const [, port, inode] = SOCKET.exec(line) ?? [];
    if (port !== undefined && inode !== undefined) portOfSocket.set(inode, Number.parseInt(port, 16));
    const descriptors = DESCRIPTORS.exec(line)?.[1];
    const command = COMMAND.exec(line)?.[1];
    const socket = OPEN_SOCKET.exec(line)?.[1];
    if (socket !== undefined) processOfSocket.set(socket, process);
    else if (isCommand && command === undefined && line !== '') commands.set(process, line.trim());
    if (descriptors === undefined && command === undefined) continue;
    process = (descriptors ?? command)!;
    isCommand = command !== undefined;
  }
  const ports = new Map<number, string | null>();
  for (const [inode, port] of portOfSocket) {
    const program = commands.get(processOfSocket.get(inode) ?? '') ?? null;
    if (program === null || !OWN.test(program)) ports.set(port, program ?? ports.get(port) ?? null);
  }
  return [...ports].map(([port, program]) => ({ port, program })).toSorted((a, b) => a.port - b.port);
}
