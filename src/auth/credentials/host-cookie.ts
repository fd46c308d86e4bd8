/** With this prefix, browsers accept the cookie only from its own host, so that no other host of the domain can set it. */
const HOST_PREFIX = '__Host-';
/** Other hosts of the domain may have set some of the same name. */
const MAX_VALUES = 8;

/** A cookie of DevForge's own host alone, and not for scripts. */
export class HostCookie {
  readonly name: string;
  private readonly attributes: string;

  constructor(name: string, publicUrl: string) {
    const isSecure = publicUrl.startsWith('https:');
    this.name = isSecure ? HOST_PREFIX + name : name;
    this.attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  }

  /** The value of a `Set-Cookie` header. */
  issue(value: string, lifetimeSeconds: number): string {
    return `${this.name}=${value}; Max-Age=${lifetimeSeconds}; ${this.attributes}`;
  }

  /** The value of a `Set-Cookie` header that removes the cookie. */
  clear(): string {
    return this.issue('', 0);
  }

  /** All values that a `Cookie` header has under the name. */
  read(header: string | undefined): string[] {
    const start = `${this.name}=`;
    return (header ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(start))
      .map((pair) => pair.slice(start.length))
      .slice(0, MAX_VALUES);
  }
}
