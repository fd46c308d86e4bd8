const PORT = /^[1-9]\d{0,4}$/;
const HIGHEST_PORT = 65_535;

/** @returns undefined for anything but the digits of a port */
export function parsePort(text: string): number | undefined {
  return PORT.test(text) && Number(text) <= HIGHEST_PORT ? Number(text) : undefined;
}
