/** What the errors of `listen` mean to an operator. @see https://nodejs.org/api/errors.html#common-system-errors */
const FAULTS: Record<string, (host: string, port: number) => string> = {
  EADDRINUSE: (host, port) => `Port ${port} of ${host} is in use. End what listens there, or set PORT to another port.`,
  EADDRNOTAVAIL: (host) => `This machine does not have the address ${host}. Set HOST to one that it has.`,
  ENOTFOUND: (host) => `HOST is ${host}, which is not known as a name or an address.`,
  EACCES: (host, port) => `DevForge may not listen on port ${port} of ${host}. Set PORT to one from 1024 on.`,
};

/**
 * Starts to listen.
 * @throws Error that names the setting to change
 */
export async function listen(
  app: { listen(port: number, host: string): Promise<unknown> },
  { port, host }: { port: number; host: string },
): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const fault = FAULTS[(error as NodeJS.ErrnoException).code ?? ''];
    throw fault === undefined ? error : new Error(fault(host, port), { cause: error });
  }
}
