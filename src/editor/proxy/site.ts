/** What a browser can be signed in to: a container's VS Code, or the program that listens on one of its ports. */
export interface Site {
  containerId: string;
  /** null for VS Code. */
  port: number | null;
}

export function siteKey({ containerId, port }: Site): string {
  return port === null ? containerId : `${containerId}:${port}`;
}
