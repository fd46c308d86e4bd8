# The image of the DevForge server. Build it in the root of the repository: `docker build --tag devforge/devforge .`
#
# Behind a proxy that inspects TLS, put its certificate authorities beside this file as `extra-ca.crt` (PEM) first.
# They are trusted during the build and are not in the image; for workspaces there is EXTRA_CA_CERTS at run time.
# Classic syntax only, so that engines without BuildKit can build it.

ARG BASE_IMAGE=debian:bookworm-slim

# --- node: Node.js and npm from their npm packages, fetched with Debian's npm
FROM ${BASE_IMAGE} AS node
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates nodejs npm
# With the pattern the file may be absent.
COPY images/workspace/install-extra-ca extra-ca.cr[t] /tmp/trust/
RUN sh /tmp/trust/install-extra-ca /tmp/trust/extra-ca.crt
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
ARG NODE_VERSION=24.21.0
ARG NPM_VERSION=11.21.2
RUN case $(dpkg --print-architecture) in amd64) arch=x64 ;; arm64) arch=arm64 ;; *) exit 1 ;; esac \
 && mkdir -p /tmp/pack /opt/node/lib/node_modules/npm \
 && cd /tmp/pack \
 && npm pack --silent "node-linux-$arch@$NODE_VERSION" "npm@$NPM_VERSION" \
 && tar -xzf node-linux-*.tgz -C /opt/node --strip-components=1 --no-same-owner \
 && tar -xzf npm-*.tgz -C /opt/node/lib/node_modules/npm --strip-components=1 --no-same-owner \
 && ln -s ../lib/node_modules/npm/bin/npm-cli.js /opt/node/bin/npm \
 && cd / && rm -r /tmp/pack \
 && /opt/node/bin/node --version
ENV PATH=/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# --- packages: production dependencies
FROM node AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
# A lock file may lack optional packages of other platforms: `npm ci` fails then, and `npm install` adds them.
RUN (npm ci --omit=dev || npm install --no-save --omit=dev) && chmod -R u=rwX,go=rX node_modules

# --- build: the compiled server
FROM node AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
RUN npm ci --include=dev || npm install --no-save --include=dev
COPY nest-cli.json tsconfig.json tsconfig.build.json .swcrc ./
COPY src src
COPY scripts scripts
RUN npm run build

# --- server
FROM ${BASE_IMAGE}
COPY --from=node /opt/node/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=packages /app/package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/packages/console/dist packages/console/dist
# The sources of the workspace images, which the server builds at run time.
COPY images/workspace images/workspace
COPY images/tools images/tools
# File modes of a checkout depend on the umask. /data has the embedded database and the generated token when DATABASE_URL
# and DEVFORGE_TOKEN are unset; ~/.ssh is the default of SSH_KEYS_DIR.
RUN chmod -R u=rwX,go=rX images \
 && groupadd --gid 1000 devforge \
 && useradd --uid 1000 --gid 1000 --create-home --shell /usr/sbin/nologin devforge \
 && install -d -o 1000 -g 1000 -m 700 /data /home/devforge/.ssh
ENV NODE_ENV=production \
    HOME=/home/devforge \
    DATA_DIR=/data
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "-e", "\
const { HOST, PORT } = process.env; \
const host = !HOST || HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST; \
fetch(`http://${host}:${PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1));"]
CMD ["node", "--max-semi-space-size=16", "dist/main.js"]
LABEL org.opencontainers.image.title="DevForge" \
      org.opencontainers.image.description="Docker dev containers with Claude Code and VS Code inside, driven by REST and Socket.io" \
      org.opencontainers.image.licenses="MIT"
