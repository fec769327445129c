# The server of docs/server.md: a user without rights, a root that may be read-only, a volume for the gallery.
FROM python:3.13-slim

WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
COPY recipes recipes
COPY examples examples
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -c constraints.txt ".[serve,gallery]" \
    && rm -rf /build \
    && useradd --system --uid 10001 --create-home walkprint \
    && install -d -o walkprint -g walkprint -m 0700 /gallery

WORKDIR /gallery
USER walkprint
ENV XDG_CACHE_HOME=/tmp/cache PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=2
VOLUME /gallery
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["walkprint", "serve", "--host", "0.0.0.0", "--gallery", "/gallery/people.gallery", "--token_file", "/gallery/token"]
