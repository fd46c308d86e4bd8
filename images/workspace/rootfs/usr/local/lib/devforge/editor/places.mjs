/** The Unix socket that code-server listens on. */
export const EDITOR_SOCKET = process.env.DEVFORGE_EDITOR_SOCKET ?? '/tmp/devforge-editor.sock';
/** Port and key of the door in code-server, as JSON. */
export const EDITOR_DOOR = `${EDITOR_SOCKET}.door`;
