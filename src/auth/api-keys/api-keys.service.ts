import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import {
  type ApiKeyRow,
  ApiKeysRepository,
  asCreator,
  creatorKeyOf,
} from '../../persistence/auth/api-keys.repository.js';
import { validationFailed } from '../../http/validation/validation.js';
import type { Principal } from '../principal.js';
import { noteNotFound, projectForNew, projectNotFound, projectsOf } from '../project-scope.js';
import { Revocation } from '../revocation.js';
import { SessionOwners } from '../sessions/session-owners.js';
import { hashOfSecret, isTokenId, newSecretToken } from '../credentials/secret-token.js';
import { formatApiKey } from './api-key-token.js';
import type { ApiKeyDto, CreateApiKeyDto, NewApiKeyDto } from './api-key.dto.js';

/** Of a project, and of a user. */
const MAX_KEYS = 200;

/** Makes, lists and revokes the API keys of projects. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly owners: SessionOwners,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async create(principal: Principal, dto: CreateApiKeyDto): Promise<NewApiKeyDto> {
    const creator = await this.creatorOf(principal);
    const token = newSecretToken(this.ids);
    const row: ApiKeyRow = {
      id: token.id,
      secretHash: hashOfSecret(token.secret),
      name: dto.name,
      ...holderOf(principal, dto),
      createdBy: creator === null ? principal.id : asCreator(creator.id),
      createdAt: this.clock.now(),
      expiresAt: expiryWithin(creator, dto.expiresAt ?? null),
      lastUsedAt: null,
    };
    const outcome = await this.keys.insert(row, MAX_KEYS);
    if (outcome === 'full')
      throw new DomainError(
        'quota_exceeded',
        `There are ${MAX_KEYS} API keys already: revoke those that are not used.`,
        {
          extensions: { quota: 'apiKeys', limit: MAX_KEYS, used: MAX_KEYS },
        },
      );
    if (outcome === 'creator_gone') throw revoked();
    if (outcome === 'holder_gone')
      throw row.projectId === null
        ? new DomainError('unauthorized', 'The user is gone.')
        : projectNotFound(row.projectId);
    return { ...toApiKeyDto(row, creator === null ? [] : [creator]), key: formatApiKey(token) };
  }

  /** Those of the projects that the principal owns, and a user's own. */
  async list(principal: Principal, projectId?: string): Promise<ApiKeyDto[]> {
    const projects = projectsOf(principal, projectId);
    const userId = projectId === undefined ? principal.userId : undefined;
    const rows = await this.keys.list({ projects, userId });
    const creators = new Set(rows.map(creatorKeyOf).filter((id) => id !== undefined));
    const creatorRows = creators.size === 0 ? [] : await this.keys.findByIds([...creators]);
    return rows.map((row) => toApiKeyDto(row, creatorRows));
  }

  /** @throws DomainError `api_key_not_found`, also for a key of another project or user */
  async remove(principal: Principal, id: string): Promise<void> {
    // Administrators may revoke every key.
    const projects = projectsOf(principal, undefined);
    // Not as text that PostgreSQL rejects.
    const row = isTokenId(id) ? await this.keys.findById(id, { projects, userId: principal.userId }) : null;
    if (row === null) noteNotFound(projects);
    if (row === null || !(await this.keys.remove(id)))
      throw new DomainError('api_key_not_found', 'There is no API key of this id.');
    this.revocation.noticeChange();
  }

  /** The key that the principal came with, by a session or not. @throws DomainError `unauthorized` when it was revoked */
  private async creatorOf(principal: Principal): Promise<ApiKeyRow | null> {
    const key = await this.owners.keyBehind(principal);
    if (key === 'gone') throw revoked();
    return key;
  }
}

function revoked(): DomainError {
  return new DomainError('unauthorized', 'The credential has been revoked.');
}

/** What is made with a key does not outlive it. */
function expiryWithin(creator: ApiKeyRow | null, asked: Date | null): Date | null {
  const latest = creator?.expiresAt ?? null;
  if (latest === null || asked === null) return asked ?? latest;
  if (asked > latest)
    throw validationFailed([
      { field: 'expiresAt', messages: [`must not be after the key that makes it expires, ${latest.toISOString()}`] },
    ]);
  return asked;
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

/** @param creators the keys that it may have been made with: one of a user stands for the user */
function toApiKeyDto(row: ApiKeyRow, creators: ApiKeyRow[]): ApiKeyDto {
  const { id, name, projectId, role, userId, createdAt, expiresAt, lastUsedAt } = row;
  const creator = creators.find((key) => key.id === creatorKeyOf(row));
  return {
    id,
    name,
    projectId,
    role,
    userId,
    createdBy: creator?.userId ?? row.createdBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
