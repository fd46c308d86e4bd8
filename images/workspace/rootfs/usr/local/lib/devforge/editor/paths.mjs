/** The Unix socket that code-server listens on. */
export const EDITOR_SOCKET = process.env['DEVFORGE_EDITOR_SOCKET'] ?? '/tmp/devforge-editor.sock';
/** Port and key of the direct endpoint in code-server, as JSON. */
export const EDITOR_ENDPOINT_FILE = `${EDITOR_SOCKET}.door`;
