# Zapdev in a container: `docker build -t zapdev . && docker run --init -p 8787:8787 zapdev`
#
# Inside, it listens beyond loopback, which needs sign-in (CLERK_ISSUER) or, when something else
# guards the port, ZAPDEV_ALLOW_REMOTE=1. Local sandboxes need user namespaces, which most
# container runtimes refuse: use E2B (E2B_API_KEY), or allow them to the container.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 zapdev \
    && mkdir /app /data \
    && chown zapdev:zapdev /app /data

USER 10001
WORKDIR /app
COPY --chown=zapdev:zapdev Makefile requirements.lock requirements-node.lock ./
RUN make node
COPY --chown=zapdev:zapdev agents agents
COPY --chown=zapdev:zapdev bot bot

ENV PATH=/app/.venv/bin:$PATH \
    ZAPDEV_HOST=0.0.0.0 \
    ZAPDEV_DATA_DIR=/data \
    ZAPDEV_CACHE_DIR=/data/cache \
    ZAPDEV_LOG=json
VOLUME /data
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8787/healthz', timeout=4)"]

CMD ["zapdev", "serve"]
