# triage and triage-bot in small images:
#   docker build -t triage-bot .                     # the bot: `serve`, or any other of its commands
#   docker build -t triage --target pipe .           # the pipe: docker run --rm -i triage < build.log
# config/deploy/compose.yaml runs the bot with PostgreSQL and several workers.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The image has the C compiler that SQLite, zstd, liblzma and the cryptography are built with. The
# rule book, the header tables and the templates become part of the programs.
RUN cargo build --profile image --locked --package triage-cli --package triage-server \
    && install -D --target-directory=/out/usr/local/bin target/image/triage target/image/triage-bot

# git as the bot needs it: without Perl, which the package depends on for commands that nobody calls here.
FROM debian:bookworm-slim AS tools
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# The release of Debian pins the versions, and its updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && dpkg-query --show --showformat='${Package}\n' | sort > /had \
    && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
# The programs, and of the libraries those that the base does not have.
RUN core=/usr/lib/git-core \
    && programs=(/usr/bin/git /usr/bin/bwrap "$core/git-remote-http") \
    && mkdir -p "/out$core" /out/usr/bin \
    && cp "${programs[@]:0:2}" /out/usr/bin/ \
    && ln -s ../../bin/git "/out$core/git" \
    && cp "$core/git-remote-http" "/out$core/" \
    && ln -s git-remote-http "/out$core/git-remote-https" \
    && cp --parents --recursive /usr/share/git-core/templates /etc/ssl/certs/ca-certificates.crt /out/ \
    && ldd "${programs[@]}" | awk '$2 == "=>" { print $3 }' | sort --unique | xargs realpath --no-symlinks \
    | while read -r library; do \
        library=/usr${library#/usr}; \
        package=$(dpkg-query --search "$(basename "$library")" | head --lines=1 | cut --delimiter=: --fields=1); \
        grep --quiet --line-regexp "$package" /had || cp --parents --dereference "$library" /out/; \
    done

FROM debian:bookworm-slim AS base
COPY LICENSE LICENSE-APACHE LICENSE-MIT NOTICE /usr/share/doc/triage/
RUN useradd --system --no-log-init --uid 10001 --user-group --no-create-home --home-dir /var/lib/triage --shell /usr/sbin/nologin triage \
    && install --directory --owner=triage --group=triage --mode=0750 /var/lib/triage
# Logs are UTF-8; with this the report may draw with Unicode.
ENV LANG=C.UTF-8
USER 10001:10001

FROM base AS pipe
COPY --from=build /out/usr/local/bin/triage /usr/local/bin/
WORKDIR /logs
ENTRYPOINT ["triage"]

FROM base AS bot
COPY --from=tools /out/ /
COPY --from=build /out/ /
# The only place that is written to: the root file system may be read-only.
WORKDIR /var/lib/triage
VOLUME /var/lib/triage
ENV TRIAGE_CONFIG=/etc/triage/triage.yaml
EXPOSE 8180
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD ["triage-bot", "health"]
ENTRYPOINT ["triage-bot"]
CMD ["serve"]
