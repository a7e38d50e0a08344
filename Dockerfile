# The service alone: PostgreSQL, migration and HAProxy are in docker-compose.yml.

FROM debian:trixie-slim AS build
WORKDIR /src
COPY tools/deps.sh tools/lib.sh tools/
RUN tools/deps.sh build
COPY . .
RUN make build

FROM debian:trixie-slim
RUN apt-get update \
	&& apt-get install -y --no-install-recommends libcivetweb1 libjansson4 libjwt2 libpq5 libsodium23 libunistring5 libcurl4t64 ca-certificates \
	&& rm -rf /var/lib/apt/lists/* \
	&& groupadd --gid 10001 gestor \
	&& useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gestor
COPY --from=build /src/build/gestor /usr/local/bin/gestor
# It writes nothing, so the root file system may be read-only (docker-compose.yml).
USER 10001:10001
ENV GESTOR_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Alive, not ready: a database that is away is no reason to start the service again.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/bin/bash", "-c", \
	"exec 3<>/dev/tcp/127.0.0.1/${GESTOR_LISTEN##*:} && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["/usr/local/bin/gestor"]
CMD ["serve"]
