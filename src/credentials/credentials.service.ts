import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import {
  heldVisibleTo,
  noteNotFound,
  projectForNew,
  projectNotFound,
  projectsOf,
  requireIn,
} from '../auth/project-scope.js';
import { DomainError } from '../common/errors/domain-error.js';
import { asId, IdGenerator } from '../common/id-generator.js';
import { Clock } from '../common/time/clock.js';
import {
  type CredentialRow,
  CredentialsRepository,
  type CredentialUser,
} from '../persistence/credentials/credentials.repository.js';
import { checkedCredential } from './checked-credential.js';
import { CredentialCipher } from './credential-cipher.js';
import { credentialNotFound } from './credential-errors.js';
import type { CreateCredentialDto, CredentialDto } from './credential.dto.js';

/** Of a project, and of a user. */
const MAX_CREDENTIALS = 200;

/** Makes, lists and removes the credentials of projects and users. Their values go in, and never out. */
@Injectable()
export class CredentialsService {
  constructor(
    private readonly credentials: CredentialsRepository,
    private readonly cipher: CredentialCipher,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async create(principal: Principal, dto: CreateCredentialDto): Promise<CredentialDto> {
    const holder = holderOf(principal, dto);
    const { value, ...checked } = checkedCredential(dto);
    const identity = { id: this.ids.next(), kind: dto.kind, ...holder, ...checked };
    const row: CredentialRow = {
      ...identity,
      ...this.cipher.seal(identity, value),
      name: dto.name,
      createdBy: principal.id,
      createdAt: this.clock.now(),
      lastUsedAt: null,
    };
    const outcome = await this.credentials.insert(row, MAX_CREDENTIALS);
    if (outcome === 'full')
      throw new DomainError(
        'quota_exceeded',
        `There are ${MAX_CREDENTIALS} credentials already: delete those that are not used.`,
        { extensions: { quota: 'credentials', limit: MAX_CREDENTIALS, used: MAX_CREDENTIALS } },
      );
    if (outcome === 'holder_gone')
      throw row.projectId === null
        ? new DomainError('unauthorized', 'The user is gone.')
        : projectNotFound(row.projectId);
    return toCredentialDto(row);
  }

  /** Those of the principal's projects, and a user's own. */
  async list(principal: Principal, projectId?: string): Promise<CredentialDto[]> {
    const projects = projectsOf(principal, projectId);
    const userId = projectId === undefined ? principal.userId : undefined;
    return (await this.credentials.list({ projects, userId })).map(toCredentialDto);
  }

  /** @throws DomainError `credential_not_found`, also for one of another project or user */
  async get(principal: Principal, id: string): Promise<CredentialDto> {
    return toCredentialDto(await this.find(principal, id));
  }

  /** @throws DomainError `credential_not_found`, `forbidden` for one that the principal only uses, `credential_in_use` */
  async remove(principal: Principal, id: string): Promise<void> {
    const row = await this.find(principal, id);
    const removal = await this.credentials.remove(row.id);
    if (removal.kind === 'not_found') throw credentialNotFound(id);
    if (removal.kind === 'in_use') throw inUse(removal.containers);
  }

  private async find(principal: Principal, id: string): Promise<CredentialRow> {
    const asked = asId(id);
    // Administrators may see, and remove, those of every user.
    const scope = heldVisibleTo(principal);
    const row = asked === undefined ? null : await this.credentials.findById(asked, scope);
    if (row === null) {
      noteNotFound(scope.projects);
      throw credentialNotFound(id);
    }
    if (row.projectId !== null) requireIn(principal, row.projectId);
    return row;
  }
}

/** Whose a new credential is: the user who makes it, or a project. */
function holderOf(
  principal: Principal,
  { projectId }: CreateCredentialDto,
): Pick<CredentialRow, 'projectId' | 'userId'> {
  const { userId } = principal;
  return projectId !== undefined || userId === undefined
    ? { projectId: projectForNew(principal, projectId), userId: null }
    : { projectId: null, userId };
}

function inUse(containers: CredentialUser[]): DomainError {
  const names = containers.map(({ name }) => name).join(', ');
  return new DomainError(
    'credential_in_use',
    `Containers use it: ${names}. Delete them, or change their credentials with PATCH.`,
    { extensions: { containers } },
  );
}

function toCredentialDto(row: CredentialRow): CredentialDto {
  const { id, name, kind, projectId, userId, host, username, header, fingerprint, createdBy } = row;
  const { createdAt, lastUsedAt } = row;
  return {
    id,
    name,
    kind,
    projectId,
    userId,
    host,
    username,
    header,
    fingerprint,
    createdBy,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
