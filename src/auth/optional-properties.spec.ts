import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../http/validation/validation.js';
import { CreateApiKeyDto } from './api-keys/api-key.dto.js';
import { CreateProjectDto, UpdateProjectDto } from './projects/project.dto.js';
import { UpdateUserDto } from './users/user.dto.js';

describe('an optional property', () => {
  it.each<[new () => object, object, string]>([
    [UpdateProjectDto, { name: null }, 'name'],
    [UpdateProjectDto, { quotas: null }, 'quotas'],
    [UpdateProjectDto, { quotas: { cpu: null } }, 'quotas.cpu'],
    [CreateProjectDto, { name: 'a', quotas: { running: null } }, 'quotas.running'],
    [UpdateUserDto, { email: null }, 'email'],
    [UpdateUserDto, { name: null }, 'name'],
    [UpdateUserDto, { role: null }, 'role'],
    [UpdateUserDto, { disabled: null }, 'disabled'],
    [CreateApiKeyDto, { name: 'a', projectId: null }, 'projectId'],
    [CreateApiKeyDto, { name: 'a', role: null }, 'role'],
    [CreateApiKeyDto, { name: 'a', expiresAt: null }, 'expiresAt'],
  ])('may be left out, and is not null: %p %j', async (metatype, body, field) => {
    await expect(new StrictValidationPipe().transform(body, { type: 'body', metatype })).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field }],
    });
  });
});
