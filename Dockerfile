# syntax=docker/dockerfile:1

# Go as go.mod wants it; the test in internal/deploytest holds the two together.
ARG GO_VERSION=1.26.8
ARG PYTHON_VERSION=3.12
ARG NODE_VERSION=22

# The console, which the binary carries.
FROM node:${NODE_VERSION}-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY web ./
RUN npm run build && npm run size

FROM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=web /src/web/dist/app web/dist/app
ARG VERSION=devel
ARG COMMIT=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X github.com/agata-fl/agata/internal/obs.version=${VERSION} -X github.com/agata-fl/agata/internal/obs.commit=${COMMIT}" \
      -o /out/agata ./cmd/agata

# What tasks in Python need, at the path that it keeps in the image below.
FROM python:${PYTHON_VERSION}-slim-bookworm AS venv
COPY experiments/requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/agata/venv \
 && /opt/agata/venv/bin/pip install --no-cache-dir -r /tmp/requirements.txt

FROM python:${PYTHON_VERSION}-slim-bookworm
# /data holds all state of a service, the others what docker-compose.yml mounts
# there. Made here, since a new volume takes its owner from the image.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin agata \
 && install -d -o agata -g agata -m 0700 /data /authority /credentials /trust /work
COPY --from=venv /opt/agata/venv /opt/agata/venv
COPY --from=build /out/agata /usr/local/bin/agata
ENV AGATA_TASKS_PYTHON=/opt/agata/venv/bin/python3 \
    AGATA_LOG_FORMAT=json
USER agata
# Not /data: a config.ini that agata writes there is for task processes, and
# would be read as its own.
WORKDIR /home/agata
VOLUME /data
# No init is needed in front of agata: each task has a shim, which is the
# subreaper of all that the task starts, and agata waits for its shims.
ENTRYPOINT ["agata"]
CMD ["--help"]
