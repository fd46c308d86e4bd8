const PORT = /^[1-9]\d{0,4}$/;
export const MAX_PORT = 65_535;

/** @returns the port number, or undefined for any other text */
export function parsePort(text: string): number | undefined {
  return PORT.test(text) && Number(text) <= MAX_PORT ? Number(text) : undefined;
}
