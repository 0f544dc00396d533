# Everything is made in the first stage: the packages, and the files of the bundled models. The second only starts it.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The environment is copied to the other stage under the same path, which its scripts name.
RUN python -m venv /opt/dalil
ENV PATH=/opt/dalil/bin:$PATH

# Alone, so that a change of the code does not install the packages again.
WORKDIR /src
COPY requirements.txt requirements-dev.txt ./
# What replicas share needs these, and signing in at a provider; their versions are those of the tests.
RUN pip install -r requirements.txt --constraint requirements-dev.txt limits redis pg8000 authlib joserfc

COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY rag rag
COPY ingest ingest
COPY eval eval
COPY ui ui
# The tests that packages bring are a tenth of the image.
RUN pip install --no-deps . && pip uninstall --yes pip \
    && find /opt/dalil/lib -type d -name tests -prune -exec rm -r {} +

# Model files are written for their owner alone, and the service is another user.
RUN XDG_CACHE_HOME=/opt/dalil/cache dalil model build && chmod -R a+rX /opt/dalil


FROM python:3.11-slim-bookworm

RUN useradd --uid 10001 --no-create-home dalil && install --directory --owner=dalil /data
COPY --from=build /opt/dalil /opt/dalil

# Written to: /data, the index, and /tmp, files being uploaded. All else may be read-only.
ENV PATH=/opt/dalil/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/opt/dalil/cache \
    HF_HUB_OFFLINE=1 \
    DALIL_DATA_DIR=/data \
    DALIL_HOST=0.0.0.0
WORKDIR /data
VOLUME /data
USER 10001
EXPOSE 7860
STOPSIGNAL SIGTERM

# Whether the process answers. Whether questions can be answered is /ready, which a balancer asks.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
ENTRYPOINT ["dalil"]
CMD ["serve"]
