import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { type ApiKeyRow, ApiKeysRepository } from '../../persistence/auth/api-keys.repository.js';
import { isInScope, type Principal } from '../principal.js';
import { projectForNew, projectNotFound, projectsOf } from '../project-scope.js';
import { Revocation } from '../revocation.js';
import { formatApiKey, hashOfSecret, SECRET_BYTES } from './api-key-token.js';
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
    const id = this.ids.next().replaceAll('-', '');
    const secret = this.ids.secret(SECRET_BYTES);
    const row: ApiKeyRow = {
      id,
      secretHash: hashOfSecret(secret),
      name: dto.name,
      projectId: projectForNew(principal, dto.projectId),
      role: dto.role,
      createdBy: principal.id,
      createdAt: this.clock.now(),
      expiresAt: dto.expiresAt ?? null,
      lastUsedAt: null,
    };
    if (!(await this.keys.insert(row))) throw projectNotFound(row.projectId);
    return { ...toApiKeyDto(row), key: formatApiKey({ id, secret }) };
  }

  async list(principal: Principal, projectId?: string): Promise<ApiKeyDto[]> {
    const scope = projectsOf(principal, projectId);
    return (await this.keys.list(projectId)).filter((key) => isInScope(scope, key.projectId)).map(toApiKeyDto);
  }

  /** @throws DomainError `api_key_not_found`, also for a key of another project */
  async remove(principal: Principal, id: string): Promise<void> {
    // Not as text that PostgreSQL rejects.
    const row = /^[0-9a-f]{32}$/.test(id) ? await this.keys.findById(id) : null;
    const isTheirs = row !== null && isInScope(projectsOf(principal, undefined), row.projectId);
    if (!isTheirs || !(await this.keys.remove(id)))
      throw new DomainError('api_key_not_found', 'There is no API key of this id.');
    this.revocation.noticeChange();
  }
}

function toApiKeyDto({ id, name, projectId, role, createdAt, expiresAt, lastUsedAt }: ApiKeyRow): ApiKeyDto {
  return {
    id,
    name,
    projectId,
    role,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
