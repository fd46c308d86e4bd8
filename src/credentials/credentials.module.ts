import { Module } from '@nestjs/common';
import { SshKeys } from '../git-keys/ssh-keys.js';
import { ContainerCredentials } from './container-credentials.js';
import { CredentialCipher } from './credential-cipher.js';
import { CredentialRotation } from './credential-rotation.js';
import { CredentialsController } from './credentials.controller.js';
import { CredentialsService } from './credentials.service.js';
import { SecretKeys } from './secret-keys.js';

@Module({
  controllers: [CredentialsController],
  providers: [ContainerCredentials, CredentialCipher, CredentialRotation, CredentialsService, SecretKeys, SshKeys],
  exports: [ContainerCredentials, SshKeys],
})
export class CredentialsModule {}
