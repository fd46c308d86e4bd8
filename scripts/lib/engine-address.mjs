/**
 * The address of the engine: DOCKER_HOST as Docker's own client reads it, else DOCKER_SOCKET_PATH, else the default socket.
 *
 * @typedef {{ kind: 'socket', path: string }
 *   | { kind: 'tcp', host: string, port: number, certPath?: string }
 *   | { kind: 'unsupported', value: string }} EngineAddress
 */
export const DEFAULT_SOCKET = '/var/run/docker.sock';

/** @param {Record<string, string | undefined>} values @returns {EngineAddress} */
export function engineAddress(values) {
  const host = values.DOCKER_HOST;
  if (!host) return { kind: 'socket', path: values.DOCKER_SOCKET_PATH || DEFAULT_SOCKET };
  if (host.startsWith('unix://')) return { kind: 'socket', path: host.slice('unix://'.length) || DEFAULT_SOCKET };
  const match = /^(tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(host);
  if (!match) return { kind: 'unsupported', value: host };
  const secure = match[1] === 'https' || Boolean(values.DOCKER_TLS_VERIFY);
  return {
    kind: 'tcp',
    host: match[2].replace(/^\[|\]$/g, ''),
    port: Number(match[3] ?? (secure ? 2376 : 2375)),
    ...(secure && { certPath: values.DOCKER_CERT_PATH ?? `${values.HOME ?? ''}/.docker` }),
  };
}

/** @param {EngineAddress} address */
export function describeAddress(address) {
  if (address.kind === 'socket') return address.path;
  return address.kind === 'tcp' ? `${address.host}:${address.port}` : address.value;
}

/** Whether the set-up may install and start the engine of this address on this machine. @param {EngineAddress} address */
export const isLocalDefault = (address) =>
  address.kind === 'socket' && [DEFAULT_SOCKET, DEFAULT_SOCKET.replace('/var/run', '/run')].includes(address.path);
