/** A browser sends what a cookie without a name has after its `=` as if it were a name and a value. */
const OWN_COOKIE = /^[\s=]*(?:__host-)?devforge_/i;
const DOMAIN_ATTRIBUTE = /^\s*domain\s*(?:=|$)/i;

/**
 * A `Set-Cookie` header as the browser may get it: without `Domain`, which would send the cookie to other sites as well.
 *
 * @returns null for a cookie with a name of DevForge's own
 */
export function hostOnlyCookie(header: string): string | null {
  const [pair = '', ...attributes] = header.split(';');
  if (OWN_COOKIE.test(pair)) return null;
  return [pair, ...attributes.filter((attribute) => !DOMAIN_ATTRIBUTE.test(attribute))].join(';');
}
