import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { type ApiKeyRow, ApiKeysRepository } from '../../persistence/auth/api-keys.repository.js';
import { validationFailed } from '../../http/validation.js';
import type { Scope } from '../../persistence/types.js';
import { isInScope, type Principal } from '../principal.js';
import { projectForNew, projectNotFound, projectsOf } from '../project-scope.js';
import { Revocation } from '../revocation.js';
import { hashOfSecret, isTokenId, newSecretToken } from '../secret-token.js';
import { formatApiKey } from './api-key-token.js';
import type { ApiKeyDto, CreateApiKeyDto, NewApiKeyDto } from './api-key.dto.js';

/** Makes, lists and revokes the API keys of projects. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async create(principal: Principal, dto: CreateApiKeyDto): Promise<NewApiKeyDto> {
    const token = newSecretToken(this.ids);
    const row: ApiKeyRow = {
      id: token.id,
      secretHash: hashOfSecret(token.secret),
      name: dto.name,
      ...holderOf(principal, dto),
      createdBy: principal.id,
      createdAt: this.clock.now(),
      expiresAt: dto.expiresAt ?? null,
      lastUsedAt: null,
    };
    if (!(await this.keys.insert(row)))
      throw row.projectId === null
        ? new DomainError('unauthorized', 'The user is gone.')
        : projectNotFound(row.projectId);
    return { ...toApiKeyDto(row), key: formatApiKey(token) };
  }

  /** Those of the projects that the principal owns, and a user's own. */
  async list(principal: Principal, projectId?: string): Promise<ApiKeyDto[]> {
    const scope = projectsOf(principal, projectId);
    return (await this.keys.list(projectId)).filter((key) => isTheirs(key, principal, scope)).map(toApiKeyDto);
  }

  /** @throws DomainError `api_key_not_found`, also for a key of another project or user */
  async remove(principal: Principal, id: string): Promise<void> {
    // Not as text that PostgreSQL rejects.
    const row = isTokenId(id) ? await this.keys.findById(id) : null;
    const isFound = row !== null && isTheirs(row, principal, projectsOf(principal, undefined));
    if (!isFound || !(await this.keys.remove(id)))
      throw new DomainError('api_key_not_found', 'There is no API key of this id.');
    this.revocation.noticeChange();
  }
}

/** Whom a new key acts as: a project with a role, or the user who makes it. */
function holderOf(
  principal: Principal,
  { projectId, role }: CreateApiKeyDto,
): Pick<ApiKeyRow, 'projectId' | 'role' | 'userId'> {
  const { userId } = principal;
  if (projectId !== undefined || userId === undefined)
    return { projectId: projectForNew(principal, projectId), role: role ?? 'member', userId: null };
  if (role !== undefined)
    throw validationFailed([{ field: 'role', messages: ['is for keys of a project: name it in projectId'] }]);
  return { projectId: null, role: null, userId };
}

/** Administrators may revoke every key. */
function isTheirs({ projectId, userId }: ApiKeyRow, principal: Principal, scope: Scope): boolean {
  if (projectId !== null) return isInScope(scope, projectId);
  return userId === principal.userId || principal.kind === 'administrator';
}

function toApiKeyDto({ id, name, projectId, role, userId, createdAt, expiresAt, lastUsedAt }: ApiKeyRow): ApiKeyDto {
  return {
    id,
    name,
    projectId,
    role,
    userId,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
