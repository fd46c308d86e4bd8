/** Variables that a server under test inherits: for programs, the engine and the network. No setting of DevForge. */
const INHERITED = `
  PATH HOME USER LANG TZ TMPDIR
  DOCKER_HOST DOCKER_CERT_PATH DOCKER_TLS_VERIFY DOCKER_SOCKET_PATH BASE_IMAGE
  EXTRA_CA_CERTS NODE_EXTRA_CA_CERTS SSL_CERT_FILE
  HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
`
  .trim()
  .split(/\s+/);

/** The part of this process's environment that a server under test receives. */
export function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
