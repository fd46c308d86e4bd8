import { Injectable } from '@nestjs/common';
import { isId } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';
import { DEFAULT_PROJECT } from '../persistence/types.js';
import { MAX_PORT, parsePort } from './port.js';

const MAX_LABEL_LENGTH = 63;
const PATH_FORM = /^\/editor\/(?<id>[^/?#]+)(?<rest>\/[^?#]*)?(?<search>\?.*)?$/;
/** What a host and its port cannot contain, such as the end of user information. */
const NOT_IN_HOST = /[@/?#\\\s]/;
const PREVIEW_LABEL = /^(?<port>\d+)--(?<name>.+)$/;

/**
 * The address of a site, which is VS Code or a port of a container: `<name>.<domain>`, `<port>--<name>.<domain>`, with the id
 * in place of the name outside the default project, or a path below `/editor/<id>/`.
 */
export type SiteAddress =
  | { form: 'host'; container: string; port: number | null; path: string }
  | { form: 'path'; container: string; port: null; path: string; missingSlash: boolean };

/** What the addresses of a container's sites are made of. */
export type Addressed = Record<'id' | 'name' | 'projectId', string>;

/** Builds and parses the addresses of the sites of containers. */
@Injectable()
export class SiteAddresses {
  private readonly base: URL;
  private readonly domainSuffix: string | null;

  constructor(private readonly settings: Settings) {
    this.base = new URL(settings.publicUrl);
    this.domainSuffix = settings.editorDomain === null ? null : `.${settings.editorDomain}`;
  }

  /** The scheme of every site, with its colon. */
  get protocol(): string {
    return this.base.protocol;
  }

  /** Whether browsers treat all sites as secure: with TLS, and below `localhost`. */
  get trustworthy(): boolean {
    return this.protocol === 'https:' || this.settings.editorDomain === 'localhost';
  }

  /** The URL of VS Code, with a trailing slash. A name that is ambiguous as a host name is replaced by the id. */
  editorUrl(container: Addressed): string {
    const { id } = container;
    if (this.settings.editorDomain === null) return `${this.settings.publicUrl}/editor/${id}/`;
    const name = hostNameOf(container);
    // As a host name this would address a port of another container, or DevForge itself.
    const isAmbiguous = PREVIEW_LABEL.test(name) || `${name}.${this.settings.editorDomain}` === this.base.hostname;
    return this.urlOf(isAmbiguous ? id : name);
  }

  /** @returns null without a wildcard domain, or when the name is too long to be prefixed with the port */
  previewUrl(container: Addressed, port: number): string | null {
    const label = `${port}--${hostNameOf(container)}`;
    return this.settings.editorDomain === null || label.length > MAX_LABEL_LENGTH ? null : this.urlOf(label);
  }

  /** The preview URLs of all ports, with `{{port}}` in place of the number. @returns null where a port has none */
  previewTemplate(container: Addressed): string | null {
    const url = this.previewUrl(container, MAX_PORT);
    return url === null ? null : url.replace(`${MAX_PORT}--`, '{{port}}--');
  }

  /**
   * Where a site below a path of DevForge's own origin is served instead, when sites have origins of their own: a page of a
   * workspace on that origin could act for the person who is signed in to DevForge.
   *
   * @returns null when it may be served where it is asked for
   */
  elsewhere(address: SiteAddress, host: string | undefined): string | null {
    if (address.form === 'host' || this.settings.editorDomain === null) return null;
    return host?.toLowerCase() === this.base.host ? this.urlOf(address.container) + address.path.slice(1) : null;
  }

  /** @returns null for a request that addresses no site, `malformed` for an invalid address of one */
  parse(host: string | undefined, url: string): SiteAddress | 'malformed' | null {
    if (host !== undefined && NOT_IN_HOST.test(host)) return 'malformed';
    const label = this.labelOf(host);
    if (label === null) return parsePath(url);
    if (!url.startsWith('/')) return 'malformed';
    const preview = PREVIEW_LABEL.exec(label)?.groups;
    if (preview === undefined) return { form: 'host', container: label, port: null, path: url };
    const port = parsePort(preview['port']!);
    return port === undefined ? 'malformed' : { form: 'host', container: preview['name']!, port, path: url };
  }

  private labelOf(host: string | undefined): string | null {
    const suffix = this.domainSuffix;
    if (suffix === null || host === undefined) return null;
    const port = host.indexOf(':');
    const written = (port < 0 ? host : host.slice(0, port)).toLowerCase();
    // With a dot at its end a name is the same, fully qualified.
    const name = written.endsWith('.') ? written.slice(0, -1) : written;
    if (!name.endsWith(suffix) || name === this.base.hostname) return null;
    const label = name.slice(0, -suffix.length);
    return label === '' ? null : label;
  }

  private urlOf(label: string): string {
    const { protocol, port } = this.base;
    return `${protocol}//${label}.${this.settings.editorDomain}${port === '' ? '' : `:${port}`}/`;
  }
}

/**
 * Names are unique in a project only. No name has the form of an id, so those of other projects than the default one are
 * told apart without a second separator, which names may contain as well.
 */
function hostNameOf({ id, name, projectId }: Addressed): string {
  return projectId === DEFAULT_PROJECT.id ? name : id;
}

function parsePath(url: string): SiteAddress | 'malformed' | null {
  if (!url.startsWith('/editor/')) return null;
  const { id = '', rest, search = '' } = PATH_FORM.exec(url)?.groups ?? {};
  // Refused rather than normalised: a server behind this one may decode dot segments differently.
  if (!isId(id) || /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(rest ?? '')) return 'malformed';
  return { form: 'path', container: id, port: null, path: (rest ?? '/') + search, missingSlash: rest === undefined };
}
