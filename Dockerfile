# triage in a small image:
#   docker build -t triage .
#   docker run --rm -i triage < build.log
#   docker run --rm -v "$PWD:/logs:ro" triage build.log

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The image has the C compiler that zstd and liblzma are built with. The rule book and the header
# tables become part of the program.
RUN cargo build --release --locked --package triage-cli

FROM debian:bookworm-slim
COPY --from=build /src/target/release/triage /usr/local/bin/triage
COPY LICENSE LICENSE-APACHE LICENSE-MIT NOTICE /usr/share/doc/triage/
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin triage
USER 10001
WORKDIR /logs
# Logs are UTF-8; with this the report may draw with Unicode.
ENV LANG=C.UTF-8
ENTRYPOINT ["triage"]
